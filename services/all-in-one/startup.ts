import { configV1, type routingV1 } from "#contracts";
import { type CallContext, cancelledError, RpcError, type Service } from "#rpc";
import type { OpenConfigService } from "#services/config";

type ConfigService = Service<configV1.ConfigServiceDefinition>;
type RoutingService = Service<routingV1.RoutingServiceDefinition>;
type Unary = (request: unknown, context?: CallContext) => Promise<unknown>;

/**
 * The time in which requests are taken already and the database is not there yet. Until `complete`, readiness says what is
 * waited for.
 */
export class Startup {
  readonly #opened = Promise.withResolvers<ConfigService>();
  #service: ConfigService | undefined;
  #owned: Pick<OpenConfigService, "close"> | undefined;
  #waitsFor: string | undefined;

  constructor(waitsFor: string) {
    this.#waitsFor = waitsFor;
  }

  /** The service that `close` closes. */
  own(service: Pick<OpenConfigService, "close">): void {
    this.#owned = service;
  }

  /** Closes the config service where one was opened. */
  async close(): Promise<void> {
    await this.#owned?.close();
  }

  waitFor(what: string): void {
    this.#waitsFor = what;
  }

  /** Everything declared is in the database: its config service is used from now on. */
  complete(service: ConfigService): void {
    this.#service = service;
    this.#waitsFor = undefined;
    this.#opened.resolve(service);
  }

  /**
   * The config service for callers who do not wait for `complete`: until then a watch stands still, and all else fails with
   * UNAVAILABLE.
   */
  configService(): ConfigService {
    const names = Object.keys(configV1.ConfigServiceDefinition.methods) as (keyof ConfigService)[];
    const unary = names.map((name) => [
      name,
      (...call: Parameters<Unary>) => (this.#required()[name] as Unary)(...call),
    ]);
    return { ...Object.fromEntries(unary), watchConfig: (request, context) => this.#watch(request, context) };
  }

  /** The routing service, whose status is not ready before the start is complete. */
  reportedBy(routing: RoutingService): RoutingService {
    return {
      ...routing,
      getConfigStatus: async (request, context) => {
        const status = await routing.getConfigStatus(request, context);
        return this.#waitsFor === undefined ? status : { ...status, ready: false, notReadyReason: this.#waitsFor };
      },
    };
  }

  #required(): ConfigService {
    if (this.#service !== undefined) {
      return this.#service;
    }
    throw new RpcError({
      code: "UNAVAILABLE",
      reason: "UNAVAILABLE",
      message: `the config service starts: ${this.#waitsFor}`,
    });
  }

  async *#watch(
    request: configV1.WatchConfigRequest,
    context: CallContext = {},
  ): AsyncGenerator<configV1.WatchConfigResponse> {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    aborted.catch(() => {});
    const onAbort = () => reject(cancelledError());
    context.signal?.addEventListener("abort", onAbort);
    const service = await Promise.race([this.#opened.promise, aborted]);
    context.signal?.removeEventListener("abort", onAbort);
    yield* service.watchConfig(request, context);
  }
}
