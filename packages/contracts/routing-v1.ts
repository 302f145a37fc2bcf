export * from "./gen/spillway/routing/v1/routing_service.ts";
