import { configV1 } from "#contracts";
import { type CallContext, drainingError, RpcError, type Service } from "#rpc";
import type { Logger } from "#runtime";
import { isSameToken, readBearerToken } from "#secrets";
import { toStoreError } from "./store/index.ts";

/** Which credentials the gate asks for. */
export interface CallGateOptions {
  readonly logger: Logger;
  /** Asked for by everything but `WatchConfig`; undefined: not asked for. */
  readonly adminToken: string | undefined;
  /** Asked for by `WatchConfig`; undefined: not asked for. */
  readonly serviceToken: string | undefined;
}

type ConfigService = Service<configV1.ConfigServiceDefinition>;
type Unary = (request: never, context?: CallContext) => Promise<unknown>;

/**
 * Stands before every method: asks for the credential, refuses calls while the service closes, and lets nothing but
 * `RpcError` out. Unexpected failures are logged here, and the caller learns nothing of them.
 */
export class CallGate {
  readonly #logger: Logger;
  readonly #adminToken: TokenCheck;
  readonly #serviceToken: TokenCheck;
  readonly #running = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(options: CallGateOptions) {
    this.#logger = options.logger;
    this.#adminToken = createTokenCheck(options.adminToken);
    this.#serviceToken = createTokenCheck(options.serviceToken);
  }

  /** The same service with the gate before it. */
  guard(service: ConfigService): ConfigService {
    const unary = Object.entries(configV1.ConfigServiceDefinition.methods)
      .filter(([, method]) => !method.responseStream)
      .map(([name]) => [name, this.#guardUnary(name, service[name as keyof ConfigService] as Unary)]);
    return { ...Object.fromEntries(unary), watchConfig: this.#guardWatch(service.watchConfig) };
  }

  /** Refuses further calls, and waits for those under way, at most this long. */
  async close(graceMs: number): Promise<void> {
    this.#isClosed = true;
    const timeout = Promise.withResolvers<void>();
    const timer = setTimeout(timeout.resolve, graceMs);
    await Promise.race([Promise.allSettled(this.#running), timeout.promise]);
    clearTimeout(timer);
  }

  #guardUnary(name: string, method: Unary): Unary {
    return async (request, context) => {
      this.#admit(context, this.#adminToken);
      const running = method(request, context);
      this.#running.add(running);
      try {
        return await running;
      } catch (thrown) {
        throw this.#toCallerError(name, thrown);
      } finally {
        this.#running.delete(running);
      }
    };
  }

  #guardWatch(watch: ConfigService["watchConfig"]): ConfigService["watchConfig"] {
    const guarded = async function* (
      gate: CallGate,
      ...[request, context]: Parameters<ConfigService["watchConfig"]>
    ): AsyncGenerator<configV1.WatchConfigResponse> {
      gate.#admit(context, gate.#serviceToken);
      try {
        yield* watch(request, context);
      } catch (thrown) {
        throw gate.#toCallerError("watchConfig", thrown);
      }
    };
    return (request, context) => guarded(this, request, context);
  }

  #admit(context: CallContext | undefined, check: TokenCheck): void {
    check(context?.metadata?.authorization);
    if (this.#isClosed) {
      throw drainingError("config service");
    }
  }

  #toCallerError(method: string, thrown: unknown): RpcError {
    const error = toStoreError(thrown);
    if (error.code === "INTERNAL") {
      this.#logger.error({ method, error: error.cause ?? error }, "a call of the config service failed");
    }
    return error;
  }
}

type TokenCheck = (authorization: string | undefined) => void;

function createTokenCheck(token: string | undefined): TokenCheck {
  if (token === undefined || token === "") {
    return () => {};
  }
  return (authorization) => {
    const given = readBearerToken(authorization);
    if (given === undefined) {
      throw unauthenticated("CREDENTIAL_MISSING", "needs a token: authorization: Bearer <token>");
    }
    if (!isSameToken(given, token)) {
      throw unauthenticated("CREDENTIAL_INVALID", "does not know this token");
    }
  };
}

function unauthenticated(reason: string, what: string): RpcError {
  return new RpcError({ code: "UNAUTHENTICATED", reason, message: `the config service ${what}` });
}
