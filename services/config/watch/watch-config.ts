import type { configV1 } from "#contracts";
import { type CallContext, type CallSignal, drainingError, invalidFields } from "#rpc";
import type { Logger } from "#runtime";
import { type ConfigStore, isDatabaseUnavailable } from "../store/index.ts";
import type { ChangeFeed } from "./change-feed.ts";
import { type ConfigUpdate, readConfigUpdate } from "./read-config-update.ts";

/** What a watch works on. */
export interface WatchPlace {
  readonly store: ConfigStore;
  readonly feed: ChangeFeed;
  readonly logger: Logger;
  readonly bookmarkIntervalMs: number;
}

/**
 * Sends the configuration and then its changes until the caller ends the stream. What happens while the receiver is slow
 * is sent as one delta. While the database is away the stream stays, and says so once; it ends with DRAINING on close.
 */
export async function* watchConfig(
  place: WatchPlace,
  request: configV1.WatchConfigRequest,
  context: CallContext = {},
): AsyncGenerator<configV1.WatchConfigResponse> {
  if (request.resumeRevision < 0n) {
    throw invalidFields([{ field: "resume_revision", description: "must not be negative" }]);
  }
  const { feed, logger } = place;
  const { nodeId } = request;
  logger.info({ nodeId, resumeRevision: String(request.resumeRevision) }, "a watch of the configuration began");
  const watch = new Watch(place, context.signal, request.resumeRevision);
  try {
    while (context.signal?.aborted !== true) {
      if (feed.isClosed) {
        throw drainingError("config service");
      }
      const message = await watch.next();
      if (message !== undefined) {
        yield message;
      } else {
        await watch.idle();
      }
    }
  } finally {
    watch.end();
    logger.info({ nodeId }, "a watch of the configuration ended");
  }
}

const databaseAway = "its database cannot be reached";

/** One watch: what its receiver holds, and what wakes it. */
class Watch {
  readonly #place: WatchPlace;
  readonly #signal: CallSignal | undefined;
  readonly #unsubscribe: () => void;
  readonly #onAbort = () => this.#wake();
  #wake: () => void = () => {};
  /** Whether something happened since `next` looked, so that `idle` need not wait. */
  #isWoken = false;
  /** Revision that the receiver holds; until the first message the one that it says it holds. */
  #held: bigint;
  #isFirst = true;
  #sentFileStatus: configV1.ConfigFileStatus | undefined;
  #sentReachable = true;
  #bookmarkDueAt = 0;

  constructor(place: WatchPlace, signal: CallSignal | undefined, resumeRevision: bigint) {
    this.#place = place;
    this.#signal = signal;
    this.#held = resumeRevision;
    this.#unsubscribe = place.feed.subscribe(() => {
      this.#isWoken = true;
      this.#wake();
    });
    signal?.addEventListener("abort", this.#onAbort);
  }

  /** The message that is due; undefined when none is. */
  async next(): Promise<configV1.WatchConfigResponse | undefined> {
    const { feed } = this.#place;
    this.#isWoken = false;
    if (feed.isDatabaseReachable && (this.#isFirst || feed.revision > this.#held)) {
      const update = await this.#read();
      return update === undefined ? undefined : this.#toMessage(update);
    }
    const isNews = feed.fileStatus !== this.#sentFileStatus || feed.isDatabaseReachable !== this.#sentReachable;
    // A bookmark says that the receiver is up to date, which nobody knows while the database is away.
    const isBookmarkDue = feed.isDatabaseReachable && performance.now() >= this.#bookmarkDueAt;
    return !this.#isFirst && (isNews || isBookmarkDue)
      ? this.#toMessage({ revision: this.#held, event: { $case: "bookmark", value: {} } })
      : undefined;
  }

  /** Waits until something may be due. */
  async idle(): Promise<void> {
    const { feed, bookmarkIntervalMs } = this.#place;
    const isBookmarkAhead = feed.isDatabaseReachable && !this.#isFirst;
    const waitMs = isBookmarkAhead ? Math.max(0, this.#bookmarkDueAt - performance.now()) : bookmarkIntervalMs;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, waitMs);
    this.#wake = resolve;
    if (this.#signal?.aborted === true || this.#isWoken) {
      resolve();
    }
    await promise;
    clearTimeout(timer);
  }

  end(): void {
    this.#unsubscribe();
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#wake();
  }

  async #read(): Promise<ConfigUpdate | undefined> {
    try {
      return await readConfigUpdate(this.#place.store, this.#held);
    } catch (thrown) {
      if (isDatabaseUnavailable(thrown)) {
        this.#place.feed.setDatabaseReachable(false);
        return undefined;
      }
      throw thrown;
    }
  }

  #toMessage({ revision, event }: ConfigUpdate): configV1.WatchConfigResponse {
    const { feed, bookmarkIntervalMs } = this.#place;
    this.#isFirst = false;
    this.#held = revision;
    this.#sentFileStatus = feed.fileStatus;
    this.#sentReachable = feed.isDatabaseReachable;
    this.#bookmarkDueAt = performance.now() + bookmarkIntervalMs;
    return { revision, event, file: feed.fileStatus, staleReason: feed.isDatabaseReachable ? "" : databaseAway };
  }
}
