import { type FSWatcher, statSync, watch } from "node:fs";
import { dirname } from "node:path";

/** How patient the watch is. */
export interface WatchConfigFileOptions {
  /** Milliseconds between two looks at the file, whatever the system tells. Default 2000. */
  readonly pollMs?: number;
  /** Milliseconds for which the file must stay the same before its change is told. Default 100. */
  readonly settleMs?: number;
  /** The file is gone. */
  readonly onAway?: () => void;
}

/** Stops watching. */
export interface ConfigFileWatch {
  close(): void;
}

/**
 * Calls `onChange` whenever the file differs from what it was when this function returned, once it has settled: written
 * in place, replaced by a rename, or reached through a symbolic link that now leads elsewhere. A file that is away is no
 * change, but told to `onAway` once; its return is a change. Neither the watch nor its timers keep the process alive.
 */
export function watchConfigFile(
  path: string,
  onChange: () => void,
  { pollMs = 2000, settleMs = 100, onAway = () => {} }: WatchConfigFileOptions = {},
): ConfigFileWatch {
  const look = createSettlingLook(path, { onChange, onAway });
  let settling: NodeJS.Timeout | undefined;
  const check = () => {
    settling = look() === "unsettled" ? setTimeout(check, settleMs).unref() : undefined;
  };
  const checkSoon = () => {
    settling ??= setTimeout(check, settleMs).unref();
  };

  // What the system tells only makes it quick: it misses changes behind links, and folders that are replaced.
  let watcher: FSWatcher | undefined;
  const keepWatcher = () => {
    watcher ??= openWatcher(path, checkSoon, () => {
      watcher = undefined;
    });
  };
  keepWatcher();
  const poll = setInterval(() => {
    keepWatcher();
    if (settling === undefined) {
      check();
    }
  }, pollMs).unref();

  return {
    close() {
      watcher?.close();
      clearInterval(poll);
      clearTimeout(settling);
    },
  };
}

/** Each look compares the file with what was told last; a change is told when two looks in a row see the same. */
function createSettlingLook(
  path: string,
  { onChange, onAway }: { readonly onChange: () => void; readonly onAway: () => void },
): () => "settled" | "unsettled" {
  let told = fingerprint(path);
  let seen = told;
  let isAway = told === undefined;
  return () => {
    const now = fingerprint(path);
    const before = seen;
    seen = now;
    if (now !== undefined && now === told) {
      isAway = false;
      return "settled";
    }
    if (now !== before) {
      return "unsettled";
    }
    if (now === undefined) {
      if (!isAway) {
        onAway();
      }
      isAway = true;
      return "settled";
    }
    isAway = false;
    told = now;
    onChange();
    return "settled";
  };
}

/** Changes whenever the file that the path leads to is written or is another; undefined while none can be reached. */
function fingerprint(path: string): string | undefined {
  try {
    const stats = statSync(path, { bigint: true });
    return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(":");
  } catch {
    return undefined;
  }
}

/** Watches the folder, since a watch on a file is lost when the file is replaced. */
function openWatcher(path: string, onEvent: () => void, onLost: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(dirname(path), { persistent: false }, onEvent);
    watcher.on("error", () => {
      watcher.close();
      onLost();
    });
    return watcher;
  } catch {
    return undefined;
  }
}
