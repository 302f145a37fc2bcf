import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

const keptLogLines = 20;
// Children of a killed server hold its output open until they notice.
const lastWordsMs = 1_000;

/** What is heard of a server process. */
export interface ServerWatch {
  /** Settles when the server process ended, whoever ended it, with how and with its last words. */
  readonly ended: Promise<string>;
  /** Settles when somebody told the server to stop when its sessions have ended: it takes no new ones. */
  readonly softStopped: Promise<void>;
}

/** Watches a server process from its start. `log` receives each line that it writes. */
export function watchServer(child: ChildProcess, log: (line: string) => void): ServerWatch {
  const softStop = Promise.withResolvers<void>();
  const lastLines: string[] = [];
  if (child.stderr) {
    createInterface({ input: child.stderr }).on("line", (line) => {
      lastLines.push(line);
      if (lastLines.length > keptLogLines) {
        lastLines.shift();
      }
      log(line);
      // The whole line: strangers can have their words logged in others.
      if (line === "LOG:  received smart shutdown request") {
        softStop.resolve();
      }
    });
  }
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  child.on("error", (error) => resolve(error.message));
  child.on("exit", (code, signal) => {
    const tell = () => resolve([`ended with ${signal ?? `code ${code}`}`, ...lastLines].join("\n"));
    const timer = setTimeout(tell, lastWordsMs);
    child.on("close", () => {
      clearTimeout(timer);
      tell();
    });
  });
  return { ended, softStopped: softStop.promise };
}
