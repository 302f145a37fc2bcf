import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inferenceV1 } from "#contracts";
import type { RoutingService, RoutingServiceOptions } from "../start-routing-service.ts";
import { type EndpointSketch, toEndpoint } from "./config-messages.ts";
import { FakeConfig } from "./fake-config.ts";
import { startTestService } from "./start-test-service.ts";
import { chatBody } from "./test-routing.ts";

/** A routing service over real HTTP whose configuration a test sends. */
export class WatchedRouting implements AsyncDisposable {
  readonly service: RoutingService;
  readonly #config: FakeConfig;
  readonly #folder: string;
  #revision = 0n;

  private constructor(service: RoutingService, config: FakeConfig, folder: string) {
    this.service = service;
    this.#config = config;
    this.#folder = folder;
  }

  static async start(options: Partial<RoutingServiceOptions> = {}): Promise<WatchedRouting> {
    const config = new FakeConfig();
    const folder = await mkdtemp(join(tmpdir(), "spillway-watched-"));
    const service = await startTestService({
      config: config.service,
      snapshotPath: join(folder, "snapshot"),
      ...options,
    });
    return new WatchedRouting(service, config, folder);
  }

  /** Puts these endpoints in force, as a whole new revision. */
  async put(endpoints: readonly EndpointSketch[]): Promise<void> {
    this.#revision += 1n;
    const value = { endpoints: endpoints.map(toEndpoint), secrets: [], apiKeys: [] };
    this.#config.watch.send({ revision: this.#revision, event: { $case: "snapshot", value } });
    while ((await this.service.routing.getConfigStatus({})).revision !== this.#revision) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Asks an endpoint in one piece. */
  invoke(endpoint = "chat", members: Readonly<Record<string, unknown>> = {}) {
    const body = chatBody({ model: endpoint, ...members });
    return this.service.inference.invoke({ endpoint, dialect: inferenceV1.Dialect.OPENAI_CHAT, body, headers: {} });
  }

  /** Asks `chat` for a stream. */
  stream() {
    const body = chatBody({ stream: true });
    const { OPENAI_CHAT } = inferenceV1.Dialect;
    return this.service.inference.streamInvoke({ endpoint: "chat", dialect: OPENAI_CHAT, body, headers: {} });
  }

  /** Every target and its health. */
  async targets() {
    return (await this.service.routing.listTargetHealth({ pageSize: 0, pageToken: "" })).targets;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service.close();
    await rm(this.#folder, { recursive: true });
  }
}
