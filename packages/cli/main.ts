import { buffer } from "node:stream/consumers";
import { runCommandLine } from "./run-command-line.ts";
import { readCliSettings } from "./settings.ts";

process.exitCode = await runCommandLine(process.argv.slice(2), {
  settings: readCliSettings(),
  write: (text) => process.stdout.write(text),
  writeError: (text) => process.stderr.write(text),
  readInput: () => buffer(process.stdin),
});
