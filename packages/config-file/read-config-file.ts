import { readFile, stat } from "node:fs/promises";
import { basename, extname } from "node:path";
import type { Environment } from "#runtime";
import { ConfigFileError } from "./config-file-error.ts";
import { type LocatedDocument, parseLocatedText } from "./parse-config-text.ts";

/** What a declarative file holds, and the name under which its nouns are owned. */
export interface ConfigFile extends LocatedDocument {
  /** `file:` and the file's name without folder and extension, e.g. `file:spillway`. */
  readonly source: string;
}

/** The source name of a file: `file:` and its name without folder and extension. */
export function sourceOfConfigFile(path: string): string {
  return `file:${basename(path, extname(path))}`;
}

/** Reads a declarative file; throws `ConfigFileError`, which names the file, if it cannot be read or is wrong. */
export async function readConfigFile(path: string, environment: Environment): Promise<ConfigFile> {
  const text = await readText(path);
  try {
    return { ...parseLocatedText(text, environment), source: sourceOfConfigFile(path) };
  } catch (error) {
    throw error instanceof ConfigFileError ? new ConfigFileError(error.violations, path) : error;
  }
}

const notAFile = new Error("not a regular file");

async function readText(path: string): Promise<string> {
  try {
    // A pipe or a device would be read for ever.
    if (!(await stat(path)).isFile()) {
      throw notAFile;
    }
    return await readFile(path, "utf8");
  } catch (error) {
    if (error === notAFile) {
      throw new ConfigFileError([{ path: "", line: 0, message: "is not a regular file" }], path);
    }
    const code = (error as NodeJS.ErrnoException).code ?? "unknown";
    const message = code === "ENOENT" ? "there is no such file" : `cannot be read (${code})`;
    throw new ConfigFileError([{ path: "", line: 0, message }], path);
  }
}
