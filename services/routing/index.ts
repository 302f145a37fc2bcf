export { type Clock, systemClock } from "./clock.ts";
export { type RoutingService, type RoutingServiceOptions, startRoutingService } from "./start-routing-service.ts";
