import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string>>;

/** A running process of a service, started as a user would start it. */
export class ServiceProcess {
  /** Everything that it wrote, for the message of a failed test. */
  output = "";
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #lines: Record<string, unknown>[] = [];
  readonly #watchers = new Set<() => void>();

  /** Starts `services/NAME/main.ts` with these arguments, and with these variables alone. */
  constructor(name: string, parameters: readonly string[], environment: Environment) {
    this.#name = name;
    const main = fileURLToPath(new URL(`../../services/${name}/main.ts`, import.meta.url));
    this.#child = spawn(process.execPath, [main, ...parameters], {
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) {
        createInterface({ input: stream }).on("line", (line) => this.#take(line));
      }
    }
    this.#child.on("exit", () => this.#notify());
  }

  /** 0 when it could not be started. */
  get processId(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The first log line, past or future, for which `pick` gives something. Rejects when the process ends, or after 30 s. */
  async findLine<Found>(pick: (line: Record<string, unknown>) => Found | undefined): Promise<Found> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        this.#watchers.delete(look);
      };
      const fail = (reason: string) => {
        stop();
        reject(new Error(`${this.#name} ${reason}; it wrote:\n${this.output}`));
      };
      const look = () => {
        for (const line of this.#lines) {
          const found = pick(line);
          if (found === undefined) {
            continue;
          }
          stop();
          resolve(found);
          return;
        }
        if (!this.isRunning) {
          fail(`ended with ${this.#child.exitCode ?? this.#child.signalCode}`);
        }
      };
      const timer = setTimeout(() => fail("did not log what was waited for within 30 s"), 30_000);
      this.#watchers.add(look);
      look();
    });
  }

  /** Ends it as an operator would. Idempotent. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** Ends it as a crash would: nothing is drained, nothing is saved. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!this.isRunning) {
      return;
    }
    const exited = once(this.#child, "exit");
    this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 15_000);
    await exited;
    clearTimeout(timer);
  }

  #take(line: string): void {
    this.output = `${this.output}${line}\n`.slice(-50_000);
    if (line.startsWith("{")) {
      try {
        this.#lines.push(JSON.parse(line));
      } catch {
        return;
      }
      this.#notify();
    }
  }

  #notify(): void {
    for (const look of this.#watchers) {
      look();
    }
  }
}
