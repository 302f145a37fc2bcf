import type { Backlog } from "./backlog.ts";

/** An answer that may wait for its caller to read. */
export interface UnreadAnswer {
  /** What of it waits now; undefined while nothing does. */
  readBacklog(): Backlog | undefined;
  /** Closes its connection, and ends it as one whose caller left. */
  abandon(): void;
}

interface Standstill {
  readonly backlog: Backlog;
  readonly sinceMs: number;
}

const longestSweepMs = 5000;

/**
 * Abandons, of those in `open`, each answer of which something waited for `limitMs` while its caller took nothing: at most
 * ten seconds later than that, and never one that is only quiet. Keeps no process alive; the returned function ends it.
 */
export function watchUnreadAnswers(open: Iterable<UnreadAnswer>, limitMs: number): () => void {
  const standstills = new WeakMap<UnreadAnswer, Standstill>();
  const sweep = () => {
    const nowMs = performance.now();
    for (const answer of open) {
      const backlog = answer.readBacklog();
      const before = standstills.get(answer);
      if (backlog === undefined) {
        continue;
      }
      if (before === undefined || !isSame(before.backlog, backlog)) {
        standstills.set(answer, { backlog, sinceMs: nowMs });
      } else if (nowMs - before.sinceMs >= limitMs) {
        answer.abandon();
      }
    }
  };
  const timer = setInterval(sweep, Math.min(longestSweepMs, limitMs)).unref();
  return () => clearInterval(timer);
}

function isSame(one: Backlog, other: Backlog): boolean {
  return one.doneBytes === other.doneBytes && one.queuedBytes === other.queuedBytes;
}
