export type { BodyFault, ChatBody } from "./chat-body.ts";
