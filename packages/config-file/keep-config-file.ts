import { type configV1, googleRpc } from "#contracts";
import { RpcError, type Service } from "#rpc";
import { type Environment, type Logger, retryWithBackoff } from "#runtime";
import { ConfigFileError } from "./config-file-error.ts";
import { type ConfigFile, readConfigFile, sourceOfConfigFile } from "./read-config-file.ts";
import { watchConfigFile } from "./watch-config-file.ts";

/** What keeping a file in force needs. */
export interface KeepConfigFileOptions {
  readonly path: string;
  /** What references of the file are resolved from. */
  readonly environment: Environment;
  readonly config: Pick<Service<configV1.ConfigServiceDefinition>, "applyConfig">;
  /** Goes with every call, e.g. the admin token as `authorization`. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Resolves once the config service can write; the file is read before. */
  readonly whenWritable?: Promise<unknown>;
  /** Is told what is in force of the file, and why its newest content is not. */
  readonly setFileStatus: (status: configV1.ConfigFileStatus) => void;
  readonly logger: Pick<Logger, "info" | "warn">;
  /** Gives up waiting, and stops keeping. */
  readonly signal: AbortSignal;
}

/**
 * Puts a declarative file in force and returns; from then on, until the signal aborts, does so again whenever it changes.
 * Nouns of the file that it no longer names are deleted. Throws `ConfigFileError` if the file cannot be used now; if a later
 * content cannot be, what was in force stays. A config service that is away is waited for.
 */
export async function keepConfigFile(options: KeepConfigFileOptions): Promise<void> {
  const keeping = new Keeping(options);
  // It may reject when nobody waits for it any more.
  options.whenWritable?.catch(() => {});
  const { path, logger } = options;
  const onAway = () => logger.warn({ file: path }, "the file is gone; what was in force of it stays");
  const watch = watchConfigFile(path, () => keeping.changed(), { onAway });
  options.signal.addEventListener("abort", () => watch.close(), { once: true });
  try {
    await keeping.begin();
  } catch (error) {
    watch.close();
    throw error;
  }
}

/** One file and what is in force of it. */
class Keeping {
  readonly #options: KeepConfigFileOptions;
  #revision = 0n;
  #isBusy = true;
  /** Aborts when the content that is being applied is no longer the newest. */
  #superseded = new AbortController();

  constructor(options: KeepConfigFileOptions) {
    this.#options = options;
  }

  async begin(): Promise<void> {
    const { path, environment, setFileStatus, whenWritable, signal } = this.#options;
    // Told before anything is waited for, so that a wrong file is never waited on.
    const { source } = await readConfigFile(path, environment);
    setFileStatus({ source, revision: 0n, error: "" });
    await unlessAborted(whenWritable, signal);
    await this.#applyNewest((error) => {
      throw error;
    });
  }

  changed(): void {
    this.#superseded.abort();
    if (!this.#isBusy) {
      void this.#applyNewest((error) => this.#refuse(error));
    }
  }

  async #applyNewest(onRefusal: (error: Error) => void): Promise<void> {
    const { path, environment, signal } = this.#options;
    this.#isBusy = true;
    do {
      this.#superseded = new AbortController();
      const either = AbortSignal.any([signal, this.#superseded.signal]);
      try {
        this.#revision = await applyWhenPossible(this.#options, await readConfigFile(path, environment), either);
      } catch (error) {
        if (!either.aborted) {
          onRefusal(error as Error);
        } else if (signal.aborted) {
          onRefusal(signal.reason);
        }
      }
    } while (this.#superseded.signal.aborted && !signal.aborted);
    this.#isBusy = false;
  }

  #refuse(error: Error): void {
    const { path, logger, setFileStatus, signal } = this.#options;
    if (signal.aborted) {
      return;
    }
    logger.warn({ file: path, reason: error.message }, "the changed file cannot be used; what was in force stays");
    setFileStatus({ source: sourceOfConfigFile(path), revision: this.#revision, error: error.message });
  }
}

async function applyWhenPossible(
  options: KeepConfigFileOptions,
  file: ConfigFile,
  signal: AbortSignal,
): Promise<bigint> {
  const onFailure = (error: unknown) => {
    if (!mayPass(error)) {
      throw error;
    }
    const reason = (error as Error).message;
    options.logger.warn({ file: options.path, reason }, "the file could not be applied; trying again until it can");
  };
  return await retryWithBackoff(() => applyOnce(options, file), { signal, onFailure });
}

async function applyOnce(options: KeepConfigFileOptions, file: ConfigFile): Promise<bigint> {
  const { config, path, logger, metadata = {} } = options;
  const { document, source } = file;
  const request = { document, source, prune: true, validateOnly: false, onlyIfEmpty: false, requestId: "" };
  let response: configV1.ApplyConfigResponse;
  try {
    response = await config.applyConfig(request, { metadata });
  } catch (error) {
    throw error instanceof RpcError && !mayPass(error) ? toConfigFileError(error, file, path) : error;
  }
  const { revision, changes, warnings } = response;
  for (const { field, message } of warnings) {
    logger.warn({ file: path, field }, message);
  }
  logger.info({ file: path, source, revision: Number(revision), changes: changes.length }, "the file is in force");
  options.setFileStatus({ source, revision, error: "" });
  return revision;
}

/** Whether the same call may succeed later, without anybody changing the file. */
function mayPass(error: unknown): boolean {
  return error instanceof RpcError && (error.code === "UNAVAILABLE" || error.code === "ABORTED");
}

/** What the config service refuses, by the lines of the file. */
function toConfigFileError(error: RpcError, { lineOf }: ConfigFile, path: string): ConfigFileError {
  const request = error.detail("google.rpc.BadRequest", googleRpc.BadRequest);
  const state = error.detail("google.rpc.PreconditionFailure", googleRpc.PreconditionFailure);
  const violations = [
    ...(request?.fieldViolations ?? []),
    // Only a subject that the file has is a path; others name what is stored, as their descriptions do.
    ...(state?.violations ?? []).map(({ subject, description }) => ({
      field: lineOf(subject) === 0 ? "" : subject,
      description,
    })),
  ].map(({ field, description }) => ({ path: field, line: lineOf(field), message: description }));
  return new ConfigFileError(
    violations.length > 0 ? violations : [{ path: "", line: 0, message: error.message }],
    path,
  );
}

async function unlessAborted(waited: Promise<unknown> | undefined, signal: AbortSignal): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    signal.throwIfAborted();
    await Promise.race([waited, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
