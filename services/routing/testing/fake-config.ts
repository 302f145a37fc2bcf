import { configV1 } from "#contracts";
import { type CallContext, RpcError, type Service } from "#rpc";
import { MessageQueue } from "../inference/message-queue.ts";

const silent = { onFull: () => undefined, onTaken: () => undefined, onRelieved: () => undefined };

/** One `WatchConfig` that is under way. */
export interface Watching {
  readonly request: configV1.WatchConfigRequest;
  readonly context: CallContext | undefined;
  send(message: Partial<configV1.WatchConfigResponse>): void;
  /** Ends the stream with an error, as a service that goes away does. */
  fail(): void;
}

/** A config service of which only `WatchConfig` exists; tests say what it sends. */
export class FakeConfig {
  readonly watches: Watching[] = [];
  /** Refuses new watches while it is true. */
  isDown = false;

  /** The newest watch. */
  get watch(): Watching {
    const watch = this.watches.at(-1);
    if (watch === undefined) {
      throw new Error("nobody watches");
    }
    return watch;
  }

  /** The service, as routing sees it. */
  get service(): Service<configV1.ConfigServiceDefinition> {
    const watchConfig = (request: configV1.WatchConfigRequest, context?: CallContext) => {
      const queue = new MessageQueue<configV1.WatchConfigResponse>(silent);
      const fail = () =>
        queue.end(new RpcError({ code: "UNAVAILABLE", reason: "UNAVAILABLE", message: "the config service is away" }));
      context?.signal?.addEventListener("abort", () => queue.end());
      if (this.isDown) {
        fail();
      } else {
        const send = (message: Partial<configV1.WatchConfigResponse>) =>
          queue.push({ ...configV1.WatchConfigResponse.fromPartial({}), ...message }, 0);
        this.watches.push({ request, context, send, fail });
      }
      return { [Symbol.asyncIterator]: () => ({ next: () => queue.next() }) };
    };
    return { watchConfig } as unknown as Service<configV1.ConfigServiceDefinition>;
  }
}
