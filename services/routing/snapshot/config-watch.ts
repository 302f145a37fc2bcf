import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import type { configV1 } from "#contracts";
import type { Service } from "#rpc";
import { type Logger, toBackoffMs } from "#runtime";
import type { ConfigState } from "./config-state.ts";

const backoff = { initialWaitMs: 100, longestWaitMs: 5_000 };
// Three bookmarks that did not come: the connection is dead, whatever TCP says.
const longestSilenceMs = 90_000;

/** What a watch is made of. */
export interface ConfigWatchOptions {
  readonly config: Service<configV1.ConfigServiceDefinition>;
  readonly serviceToken: string | undefined;
  readonly state: ConfigState;
  readonly logger: Logger;
  readonly random: () => number;
  /** The configuration in force is another one now. */
  readonly onChange: () => void;
}

/** Keeps a state up to date from the config service, for ever: reconnects with backoff and resumes where it was. */
export class ConfigWatch {
  readonly #options: ConfigWatchOptions;
  readonly #closing = new AbortController();
  readonly #nodeId = `${hostname()}-${randomUUID().slice(0, 8)}`;
  #failures = 0;
  #running: Promise<void> | undefined;

  constructor(options: ConfigWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the watch. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      let reason = "it ended the stream";
      try {
        await this.#listen();
      } catch (thrown) {
        reason = thrown instanceof Error ? thrown.message : String(thrown);
      }
      if (this.#closing.signal.aborted) {
        return;
      }
      this.#options.state.fail(reason);
      await this.#backOff(reason);
    }
  }

  async #listen(): Promise<void> {
    const { config, serviceToken, state } = this.#options;
    const listening = new AbortController();
    const onClosing = () => listening.abort();
    this.#closing.signal.addEventListener("abort", onClosing);
    const watchdog = setTimeout(() => listening.abort(), longestSilenceMs);
    try {
      const messages = config.watchConfig(
        { resumeRevision: state.resumeRevision, nodeId: this.#nodeId },
        {
          signal: listening.signal,
          ...(serviceToken === undefined ? {} : { metadata: { authorization: `Bearer ${serviceToken}` } }),
        },
      );
      for await (const message of messages) {
        watchdog.refresh();
        this.#apply(message);
      }
    } finally {
      clearTimeout(watchdog);
      this.#closing.signal.removeEventListener("abort", onClosing);
    }
  }

  #apply(message: configV1.WatchConfigResponse): void {
    const { state, logger, onChange } = this.#options;
    let isChanged: boolean;
    try {
      isChanged = state.apply(message);
    } catch (thrown) {
      state.startOver();
      throw thrown;
    }
    if (this.#failures > 0) {
      this.#failures = 0;
      logger.info({ revision: String(message.revision) }, "the config service is heard again");
    }
    if (isChanged) {
      logger.info({ revision: String(message.revision), kind: message.event?.$case }, "configuration in force");
      onChange();
    }
  }

  async #backOff(reason: string): Promise<void> {
    const { logger, random, state } = this.#options;
    this.#failures += 1;
    // One line when it begins, then one for about every minute.
    if (this.#failures === 1 || this.#failures % 12 === 0) {
      const revision = String(state.snapshot?.revision ?? 0n);
      logger.warn({ reason, revision }, "the config service cannot be heard; requests go on with what is held");
    }
    const waitMs = toBackoffMs(this.#failures, backoff, random);
    await wait(waitMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }
}
