export * from "./gen/spillway/inference/v1/chat.ts";
export * from "./gen/spillway/inference/v1/inference_service.ts";
export * from "./gen/spillway/inference/v1/trail.ts";
