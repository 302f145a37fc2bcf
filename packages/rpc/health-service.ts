import { grpcStandard } from "#contracts";
import type { CallSignal } from "./call-signal.ts";
import { RpcError } from "./rpc-error.ts";
import type { CallContext, Service } from "./service.ts";

const { HealthCheckResponse_ServingStatus: ServingStatus } = grpcStandard.healthV1;
type HealthDefinition = grpcStandard.healthV1.HealthDefinition;
type HealthCheckRequest = grpcStandard.healthV1.HealthCheckRequest;
type HealthCheckResponse = grpcStandard.healthV1.HealthCheckResponse;

/** Answers `grpc.health.v1.Health` for the services of one server, which all share one status. `""` is the server itself. */
export class HealthService implements Service<HealthDefinition> {
  readonly #names: ReadonlySet<string>;
  readonly #watchers = new Set<() => void>();
  #isServing = true;

  constructor(serviceNames: readonly string[]) {
    this.#names = new Set(["", ...serviceNames]);
  }

  /** Changes the status of all services, and tells those who watch. */
  setServing(isServing: boolean): void {
    if (isServing === this.#isServing) {
      return;
    }
    this.#isServing = isServing;
    for (const wake of this.#watchers) {
      wake();
    }
  }

  /** Tells the status of a service. Throws NOT_FOUND for one that is not here. */
  async check({ service }: HealthCheckRequest): Promise<HealthCheckResponse> {
    if (!this.#names.has(service)) {
      throw new RpcError({
        code: "NOT_FOUND",
        reason: "RESOURCE_NOT_FOUND",
        message: `this server has no service ${service}`,
        metadata: { resource_type: "service", resource_name: service },
      });
    }
    return this.#toResponse(service);
  }

  /** Tells the status of a service now and at every change. A service that is not here is SERVICE_UNKNOWN. */
  async *watch({ service }: HealthCheckRequest, context: CallContext = {}): AsyncGenerator<HealthCheckResponse> {
    const { signal } = context;
    while (signal?.aborted !== true) {
      const told = this.#toResponse(service);
      yield told;
      if (this.#toResponse(service).status === told.status) {
        await this.#untilChange(signal);
      }
    }
  }

  /** Tells the status of every service. */
  async list(): Promise<grpcStandard.healthV1.HealthListResponse> {
    return { statuses: Object.fromEntries([...this.#names].map((name) => [name, this.#toResponse(name)])) };
  }

  #toResponse(service: string): HealthCheckResponse {
    if (!this.#names.has(service)) {
      return { status: ServingStatus.SERVICE_UNKNOWN };
    }
    return { status: this.#isServing ? ServingStatus.SERVING : ServingStatus.NOT_SERVING };
  }

  #untilChange(signal: CallSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#watchers.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      this.#watchers.add(wake);
      signal?.addEventListener("abort", wake);
    });
  }
}
