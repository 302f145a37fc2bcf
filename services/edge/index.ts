export type { EdgeOptions } from "./edge-options.ts";
export { type EdgeServer, startEdge } from "./start-edge.ts";
