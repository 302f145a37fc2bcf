import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type ClusterPlace, toServerView } from "./cluster.ts";
import { EmbeddedPostgresError, useDatabaseUrl } from "./embedded-postgres-error.ts";
import type { NativeTree } from "./native-tree.ts";
import { isServerOf } from "./running-process.ts";
import { type ServerWatch, watchServer } from "./watch-server.ts";

const pollMs = 5;
// Recovery after a power cut replays the write-ahead log, which `max_wal_size` keeps short.
const startLimitMs = 120_000;
// Shorter than the ten seconds that containers are given to end. A hard stop loses nothing: the log is replayed.
const fastStopLimitMs = 7_000;
const immediateStopLimitMs = 2_000;
const portRetries = 2;

/** Small on purpose: the configuration database is a few megabytes, and it shares the machine with the gateway. */
const settings = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  shared_buffers: "32MB",
  maintenance_work_mem: "32MB",
  max_connections: "100",
  max_wal_size: "128MB",
  min_wal_size: "32MB",
  wal_level: "minimal",
  max_wal_senders: "0",
  max_logical_replication_workers: "0",
  max_parallel_workers: "0",
  autovacuum_max_workers: "1",
  io_method: "sync",
  huge_pages: "off",
  jit: "off",
  timezone: "UTC",
  log_timezone: "UTC",
  log_checkpoints: "off",
  log_min_messages: "log",
  log_line_prefix: "",
  logging_collector: "off",
} as const;

/** A Postgres server that accepts connections. */
export interface PostgresServer extends ServerWatch {
  readonly port: number;
  /** Stops the server: fast, then hard when that takes too long. Waits until it is gone. */
  stop(): Promise<void>;
}

/** How a server is started. */
export interface ServerStart {
  readonly place: ClusterPlace;
  readonly native: NativeTree;
  /** Receives each line that the server writes. */
  readonly log: (line: string) => void;
  /** Left out: any free one. */
  readonly port?: number;
  /** Ends a start that has not come to its end; it then throws. */
  readonly signal?: AbortSignal;
}

/**
 * Starts the server in a session of its own, so that a Ctrl-C at the terminal reaches us and not it: it must live
 * until the last write of the drain. It does not keep our process alive.
 */
export async function startServer({ place, native, log, port: given, signal }: ServerStart): Promise<PostgresServer> {
  for (let retriesLeft = given === undefined ? portRetries : 0; ; retriesLeft -= 1) {
    const port = given ?? (await findFreePort());
    const child = spawnServer(place, native, port);
    const { ended, softStopped } = watchServer(child, log);
    const failure = await waitUntilReady(child, { clusterFolder: place.folder, ended, signal });
    if (failure === undefined) {
      return { port, ended, softStopped, stop: () => stop(child, ended) };
    }
    // Somebody else took the port between our look and the server's.
    if (retriesLeft > 0 && failure.includes("could not bind")) {
      continue;
    }
    throw new EmbeddedPostgresError(
      `The embedded Postgres in ${place.folder} did not start: ${failure}\nIf need be, ${useDatabaseUrl}.`,
    );
  }
}

function spawnServer(place: ClusterPlace, native: NativeTree, port: number): ChildProcess {
  const { name, options } = toServerView(place, place.folder);
  const parameters = Object.entries({ ...settings, port }).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
  const child = spawn(native.postgres, ["-D", name, ...parameters], {
    ...options,
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  child.unref();
  // There is none where the process could not be made.
  (child.stderr as Socket | undefined)?.unref();
  return child;
}

/**
 * Stops the server that an owner left running when it was killed; does nothing where there is none. Only a process that
 * works in this very folder is touched, whatever the left-behind `postmaster.pid` says.
 */
export async function stopLeftServer(clusterFolder: string): Promise<boolean> {
  const pid = readPostmaster(clusterFolder)?.pid;
  if (pid === undefined) {
    return false;
  }
  if (!isServerOf(pid, clusterFolder)) {
    // The id belongs to a stranger by now, and Postgres would take the stranger for a living server.
    if (isAlive(pid)) {
      rmSync(join(clusterFolder, "postmaster.pid"), { force: true });
    }
    return false;
  }
  for (const [signal, limitMs] of stopSteps) {
    process.kill(pid, signal);
    if (await waitFor(() => !isServerOf(pid, clusterFolder), limitMs)) {
      return true;
    }
  }
  throw new EmbeddedPostgresError(`The Postgres server ${pid} that still runs in ${clusterFolder} cannot be stopped.`);
}

const stopSteps = [
  ["SIGINT", fastStopLimitMs],
  ["SIGQUIT", immediateStopLimitMs],
  ["SIGKILL", immediateStopLimitMs],
] as const;

async function stop(
  child: ChildProcess,
  ended: Promise<string>,
  steps: readonly (typeof stopSteps)[number][] = stopSteps,
): Promise<void> {
  child.ref();
  for (const [signal, limitMs] of steps) {
    if (!child.kill(signal)) {
      break;
    }
    const timer = AbortSignal.timeout(limitMs);
    if (await Promise.race([ended.then(() => true), untilAborted(timer)])) {
      return;
    }
  }
  await ended;
}

function untilAborted(signal: AbortSignal): Promise<false> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(false), { once: true }));
}

interface StartingServer {
  readonly clusterFolder: string;
  readonly ended: Promise<string>;
  readonly signal: AbortSignal | undefined;
}

/** Waits until the server takes connections; answers with why not when it never will. */
async function waitUntilReady(
  child: ChildProcess,
  { clusterFolder, ended, signal }: StartingServer,
): Promise<string | undefined> {
  let failure: string | undefined;
  void ended.then((how) => {
    failure = how;
  });
  const isDecided = () => {
    const postmaster = readPostmaster(clusterFolder);
    return (
      failure !== undefined || signal?.aborted || (postmaster?.pid === child.pid && postmaster?.status === "ready")
    );
  };
  const isInTime = await waitFor(isDecided, startLimitMs);
  if (isInTime && !signal?.aborted) {
    return failure;
  }
  // It holds nothing that a fast stop would have to write.
  await stop(child, ended, stopSteps.slice(1));
  return isInTime ? "it was closed meanwhile" : `not ready within ${startLimitMs / 1000} s`;
}

function readPostmaster(clusterFolder: string): { pid: number; status: string | undefined } | undefined {
  try {
    const lines = readFileSync(join(clusterFolder, "postmaster.pid"), "utf8").split("\n");
    const pid = Number(lines[0]);
    return Number.isInteger(pid) && pid > 0 ? { pid, status: lines[7]?.trim() } : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function waitFor(isSo: () => boolean, limitMs: number): Promise<boolean> {
  const giveUpAt = performance.now() + limitMs;
  while (performance.now() < giveUpAt) {
    if (isSo()) {
      return true;
    }
    await delay(pollMs);
  }
  return isSo();
}

function findFreePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const probe = createServer();
  probe.on("error", reject);
  probe.listen(0, "127.0.0.1", () => {
    const address = probe.address();
    probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
  });
  return promise;
}
