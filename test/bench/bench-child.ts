import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** How a child is started. */
export interface BenchChildOptions {
  /** Script, relative to the root of the project, and what it is given. */
  readonly command: readonly string[];
  /** All variables that it has. Default: none. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Options of Node itself, e.g. `--cpu-prof`. */
  readonly nodeOptions?: readonly string[];
}

/** A Node process that takes part in a run and answers questions over its IPC channel. */
export class BenchChild {
  /** What it wrote, kept to show when it fails. */
  output = "";
  readonly #process: ChildProcess;
  readonly #onOutput = new Set<() => void>();

  constructor({ command, environment = {}, nodeOptions = [] }: BenchChildOptions) {
    const reporter = fileURLToPath(new URL("report-cpu.ts", import.meta.url));
    this.#process = spawn(process.execPath, [...nodeOptions, "--import", reporter, ...command], {
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
      env: environment,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output = (this.output + text).slice(-50_000);
        for (const look of this.#onOutput) {
          look();
        }
      });
    }
  }

  /** Sends a message, if one is given, and resolves with the next one that comes. Rejects when the process ends first. */
  ask<Answer>(question?: object | string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const child = this.#process;
      const settle = (action: () => void) => {
        child.off("message", onMessage).off("exit", onExit);
        action();
      };
      const onMessage = (answer: unknown) => settle(() => resolve(answer as Answer));
      const onExit = () => settle(() => reject(this.#toFailure("ended")));
      child.on("message", onMessage).on("exit", onExit);
      if (question !== undefined) {
        child.send(question);
      }
    });
  }

  /** The first of the groups that a pattern finds in what the process writes. Rejects when it ends, or after 60 s. */
  findInOutput(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const settle = (action: () => void) => {
        clearTimeout(timer);
        this.#onOutput.delete(look);
        this.#process.off("exit", onExit);
        action();
      };
      const look = () => {
        const found = pattern.exec(this.output)?.[1];
        if (found !== undefined) {
          settle(() => resolve(found));
        }
      };
      const onExit = () => settle(() => reject(this.#toFailure("ended")));
      const timer = setTimeout(() => settle(() => reject(this.#toFailure("is not ready after 60 s"))), 60_000);
      this.#onOutput.add(look);
      this.#process.on("exit", onExit);
      look();
    });
  }

  /** CPU time of the process so far, user and system, in microseconds. */
  async readCpuUs(): Promise<number> {
    const { user, system } = await this.ask<NodeJS.CpuUsage>("cpu");
    return user + system;
  }

  /** Ends the process and waits for it. Idempotent. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) {
      return;
    }
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
    await exited;
    clearTimeout(timer);
  }

  #toFailure(what: string): Error {
    return new Error(`a process of the bench ${what}:\n${this.output}`);
  }
}
