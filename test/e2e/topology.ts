import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type InterruptibleProxy, startInterruptibleProxy } from "../harness/interruptible-proxy.ts";
import { openTestDatabase, type TestDatabase } from "../harness/test-database.ts";
import { type Environment, ServiceProcess } from "./service-process.ts";

/** The two ways in which the services run. */
export const topologyKinds = ["all-in-one", "three processes"] as const;
/** One of them. */
export type TopologyKind = (typeof topologyKinds)[number];

/** What a topology starts with. */
export interface TopologyOptions {
  /** Text of the configuration file. */
  readonly config: string;
  /** Further variables of every process. */
  readonly environment?: Environment;
  /** Postgres server on which a database is made. Default: the one of the test run. */
  readonly databaseServerUrl?: string | undefined;
}

/** Where a process listens, as its log says: `host:port` each, of those that it has. */
interface Addresses {
  readonly http: string;
  readonly grpc: string;
  readonly configGrpc: string;
}

/** The whole of Spillway, running as processes of its own on a Postgres that can be taken away. */
export class Topology {
  readonly kind: TopologyKind;
  /** `http://127.0.0.1:port` of the edge. */
  origin = "";
  /** `host:port` of the gRPC server for InferenceService and RoutingService. */
  inferenceAddress = "";
  /** `host:port` of the gRPC server for ConfigService. */
  configAddress = "";
  /** The way to Postgres. */
  readonly database: InterruptibleProxy;
  readonly #folder: string;
  readonly #testDatabase: TestDatabase;
  readonly #processes = new Map<string, ServiceProcess>();
  readonly #environment: Environment;

  private constructor(
    kind: TopologyKind,
    options: TopologyOptions,
    parts: { folder: string; testDatabase: TestDatabase; database: InterruptibleProxy },
  ) {
    this.kind = kind;
    this.database = parts.database;
    this.#folder = parts.folder;
    this.#testDatabase = parts.testDatabase;
    const databaseUrl = new URL(parts.testDatabase.databaseUrl);
    databaseUrl.hostname = "127.0.0.1";
    databaseUrl.port = String(parts.database.port);
    this.#environment = {
      DATABASE_URL: databaseUrl.href,
      SPILLWAY_KEK: randomBytes(32).toString("base64"),
      SPILLWAY_DATA_DIR: join(parts.folder, "data"),
      SPILLWAY_HTTP_PORT: "0",
      SPILLWAY_GRPC_PORT: "0",
      SPILLWAY_CONFIG_GRPC_PORT: "0",
      SPILLWAY_ADMIN_PORT: "0",
      // The upstreams of tests are on loopback.
      SPILLWAY_ALLOW_PRIVATE_UPSTREAMS: "true",
      ...options.environment,
    };
    this.writeConfig(options.config);
  }

  /** Starts everything and waits until it is ready. */
  static async start(kind: TopologyKind, options: TopologyOptions): Promise<Topology> {
    const testDatabase = await openTestDatabase(options.databaseServerUrl);
    const { hostname, port } = new URL(testDatabase.databaseUrl);
    const database = await startInterruptibleProxy({ host: hostname, port: Number(port || 5432) });
    const folder = mkdtempSync(join(tmpdir(), "spillway-e2e-"));
    const topology = new Topology(kind, options, { folder, testDatabase, database });
    try {
      await topology.#startProcesses();
      await topology.waitUntilReady();
    } catch (error) {
      await topology.stop();
      throw error;
    }
    return topology;
  }

  /** Replaces the configuration file. */
  writeConfig(config: string): void {
    writeFileSync(this.#configPath, config);
  }

  /** Ends a process of its own as a crash would. */
  async killService(name: "config" | "routing" | "edge"): Promise<void> {
    await this.#process(name).kill();
  }

  /** Starts routing again where it was. */
  async startRoutingAgain(): Promise<void> {
    await this.#startRouting(this.inferenceAddress.slice(this.inferenceAddress.lastIndexOf(":") + 1));
  }

  /** What `/readyz` of the edge says. */
  async readReadiness(): Promise<{ readonly httpStatus: number } & Readonly<Record<string, unknown>>> {
    const answer = await fetch(`${this.origin}/readyz`);
    return { httpStatus: answer.status, ...((await answer.json()) as Record<string, unknown>) };
  }

  /** Waits until `/readyz` says 200; fails after 60 s. */
  async waitUntilReady(): Promise<void> {
    const deadlineMs = Date.now() + 60_000;
    for (;;) {
      const readiness = await this.readReadiness().catch((error: Error) => ({ httpStatus: 0, reason: error.message }));
      if (readiness.httpStatus === 200) {
        return;
      }
      const hasEnded = [...this.#processes.values()].some(({ isRunning }) => !isRunning);
      if (hasEnded || Date.now() > deadlineMs) {
        throw new Error(`not ready: ${JSON.stringify(readiness)}\n${this.readOutput()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Asks the process that answers HTTP to end, as an operator would, and resolves when it has. */
  async stopEdge(): Promise<void> {
    await this.#process(this.kind === "all-in-one" ? "all-in-one" : "edge").stop();
  }

  /** Process ids by the name of the service. */
  get processIds(): ReadonlyMap<string, number> {
    return new Map([...this.#processes].map(([name, { processId }]) => [name, processId]));
  }

  /** What all processes wrote. */
  readOutput(): string {
    return [...this.#processes].map(([name, { output }]) => `--- ${name}\n${output}`).join("\n");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Ends everything and removes what it left. */
  async stop(): Promise<void> {
    const inOrder = ["edge", "routing", "config", "all-in-one"].flatMap((name) => this.#processes.get(name) ?? []);
    for (const process of inOrder) {
      await process.stop();
    }
    await this.database.close();
    await this.#testDatabase.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #configPath(): string {
    return join(this.#folder, "spillway.yaml");
  }

  async #startProcesses(): Promise<void> {
    if (this.kind === "all-in-one") {
      const addresses = await this.#start("all-in-one", ["--config", this.#configPath], {});
      this.origin = `http://${addresses.http}`;
      this.inferenceAddress = addresses.grpc;
      this.configAddress = addresses.configGrpc;
      return;
    }
    this.configAddress = (await this.#start("config", ["--config", this.#configPath], {})).grpc;
    await this.#startRouting("0");
    const edge = await this.#start("edge", [], { SPILLWAY_ROUTING_ADDRESS: this.inferenceAddress });
    this.origin = `http://${edge.http}`;
  }

  async #startRouting(port: string): Promise<void> {
    const environment = { SPILLWAY_GRPC_PORT: port, SPILLWAY_CONFIG_ADDRESS: this.configAddress };
    this.inferenceAddress = (await this.#start("routing", [], environment)).grpc;
  }

  /** Starts a process and waits until it listens. */
  async #start(name: string, parameters: readonly string[], environment: Environment): Promise<Addresses> {
    const process = new ServiceProcess(name, parameters, { ...this.#environment, ...environment });
    this.#processes.set(name, process);
    return process.findLine((line) => (line.event === "listening" ? (line as unknown as Addresses) : undefined));
  }

  #process(name: string): ServiceProcess {
    const process = this.#processes.get(name);
    if (process === undefined) {
      throw new Error(`${name} is no process of ${this.kind}`);
    }
    return process;
  }
}
