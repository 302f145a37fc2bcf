import type { configV1, routingV1 } from "#contracts";
import type { Clock } from "../clock.ts";
import type { CompileHost } from "./compile-endpoint.ts";
import { HeldConfig } from "./held-config.ts";
import type { Snapshot } from "./snapshot.ts";
import type { SavedConfig } from "./snapshot-file.ts";

// Bookmarks come every 30 s while nothing else does.
const silenceUntilStaleMs = 75_000;

/** What a state is made with. */
export interface ConfigStateOptions {
  readonly compileHost: CompileHost;
  readonly clock: Clock;
  /** Whether the config service was started with a file that must be in force before this service is ready. */
  readonly awaitsConfigFile: boolean;
}

/** The configuration in force and what is known of its freshness. */
export class ConfigState {
  readonly #options: ConfigStateOptions;
  #held: HeldConfig | undefined;
  #file: configV1.ConfigFileStatus | undefined;
  #isFileInForce = false;
  #wasHeard = false;
  #heardAtMs: number | undefined;
  #failure: string | undefined;
  /** Why the config service itself may be behind; empty when it is not. */
  #sourceStaleReason = "";

  constructor(options: ConfigStateOptions) {
    this.#options = options;
  }

  get held(): HeldConfig | undefined {
    return this.#held;
  }

  get snapshot(): Snapshot | undefined {
    return this.#held?.snapshot;
  }

  /** The revision to resume from; 0 until the config service was heard, since what the disk holds may be another database's. */
  get resumeRevision(): bigint {
    return this.#wasHeard ? (this.#held?.snapshot.revision ?? 0n) : 0n;
  }

  /** Starts from what the disk held. */
  restore(saved: SavedConfig): void {
    this.#held = HeldConfig.fromSnapshot(saved.revision, saved.snapshot, this.#options.compileHost);
    this.#heardAtMs = saved.savedAtMs;
  }

  /** Applies one message as a whole; true when the configuration changed. Throws if it does not fit what is held. */
  apply({ revision, event, file, staleReason }: configV1.WatchConfigResponse): boolean {
    const { compileHost } = this.#options;
    const before = this.#held;
    if (event?.$case === "snapshot") {
      this.#held = HeldConfig.fromSnapshot(revision, event.value, compileHost);
    } else if (before === undefined || !this.#wasHeard) {
      throw new Error("the config service sent a change before it sent a snapshot");
    } else if (event?.$case === "delta") {
      this.#held = before.withDelta(revision, event.value, compileHost);
    } else if (before.snapshot.revision !== revision) {
      this.#held = before.withRevision(revision);
    }
    this.#wasHeard = true;
    this.#heardAtMs = this.#options.clock.epochMs();
    this.#failure = undefined;
    this.#sourceStaleReason = staleReason;
    this.#file = file;
    this.#isFileInForce ||= file !== undefined && file.revision > 0n && file.revision <= revision;
    return this.#held !== before;
  }

  /** The config service cannot be heard. */
  fail(reason: string): void {
    this.#failure = reason;
  }

  /** Forgets where to resume, so that the next message must be a snapshot. */
  startOver(): void {
    this.#wasHeard = false;
  }

  status(): routingV1.GetConfigStatusResponse {
    const notReadyReason = this.#notReadyReason();
    const ageMs = this.#heardAtMs === undefined ? 0 : Math.max(0, this.#options.clock.epochMs() - this.#heardAtMs);
    const staleReason = this.#staleReason(ageMs);
    return {
      ready: notReadyReason === "",
      notReadyReason,
      revision: this.snapshot?.revision ?? 0n,
      stale: staleReason !== "",
      staleReason,
      ageMs: BigInt(Math.round(ageMs)),
      file: this.#file,
    };
  }

  #notReadyReason(): string {
    if (this.#held === undefined) {
      return this.#failure === undefined
        ? "no configuration was received yet"
        : `no configuration was received yet: ${this.#failure}`;
    }
    if (!this.#options.awaitsConfigFile || this.#isFileInForce) {
      return "";
    }
    const error = this.#file?.error ?? "";
    return error === ""
      ? "the configuration file is not in force yet"
      : `the configuration file is not in force: ${error}`;
  }

  #staleReason(ageMs: number): string {
    if (this.#failure !== undefined) {
      return `the config service cannot be heard: ${this.#failure}`;
    }
    if (!this.#wasHeard) {
      return "the config service was not heard since this service started";
    }
    if (this.#sourceStaleReason !== "") {
      return `the config service may be behind: ${this.#sourceStaleReason}`;
    }
    return ageMs > silenceUntilStaleMs ? `the config service is silent for ${Math.round(ageMs / 1000)} s` : "";
  }
}
