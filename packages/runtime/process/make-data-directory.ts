import { accessSync, constants, mkdirSync } from "node:fs";
import { SettingsError } from "../settings/read-environment.ts";

/** Makes the folder of what a process keeps on disk, if need be. Throws `SettingsError` where nothing can be kept in it. */
export function makeDataDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o711 });
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new SettingsError([
      `SPILLWAY_DATA_DIR cannot be used: ${(error as Error).message}; give that folder to the user who starts this, or ` +
        "name another",
    ]);
  }
}
