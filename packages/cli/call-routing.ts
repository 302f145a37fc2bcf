import { routingV1 } from "#contracts";
import { type CallContext, createGrpcChannel, createGrpcClient, type Service } from "#rpc";
import type { CommandHost } from "./command.ts";
import { readAddress } from "./settings.ts";

/** The routing service, and what every call to it carries. */
export interface RoutingCalls {
  readonly routing: Service<routingV1.RoutingServiceDefinition>;
  readonly context: CallContext;
}

const longestMs = 10_000;

/** The lines of every help text about where the service is. */
export const routingHelp = `  --address HOST:PORT  Where the routing service listens. Default: SPILLWAY_ROUTING_ADDRESS, 127.0.0.1:8081.
  --json               Print JSON.
  --help               Show this.

Environment variables
  SPILLWAY_ROUTING_ADDRESS  Where the routing service listens.
  SPILLWAY_ADMIN_TOKEN      Token that the service asks for, where one is set.
`;

/** Lets `use` call the routing service, for at most 10 seconds, and closes the connection. */
export async function callRouting<Result>(
  { settings }: CommandHost,
  address: string | undefined,
  use: (calls: RoutingCalls) => Promise<Result>,
): Promise<Result> {
  const used = address === undefined ? settings.routingAddress : readAddress(address);
  const channel = createGrpcChannel({ address: used, serviceName: `routing service at ${used}` });
  try {
    const { adminToken } = settings;
    const metadata = adminToken === undefined ? {} : { authorization: `Bearer ${adminToken.reveal()}` };
    return await use({
      routing: createGrpcClient(routingV1.RoutingServiceDefinition, channel),
      context: { metadata, deadlineAtMs: Date.now() + longestMs },
    });
  } finally {
    channel.close();
  }
}
