export { type RoutingService, type RoutingServiceOptions, startRoutingService } from "./start-routing-service.ts";
