import { buffer } from "node:stream/consumers";
import { runCommandLine } from "./run-command-line.ts";
import { environment } from "./settings.ts";

process.exitCode = await runCommandLine(process.argv.slice(2), {
  environment,
  write: (text) => process.stdout.write(text),
  writeError: (text) => process.stderr.write(text),
  readInput: () => buffer(process.stdin),
});
