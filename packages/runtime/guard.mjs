// Starts a program, or says in one line why this machine cannot: `node packages/runtime/guard.mjs services/x/main.ts ...`.
// Plain JavaScript that an old Node understands, since telling about an old Node is what it is for.
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const leastMajor = 24;
const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

function refuse(reason) {
  console.error(reason);
  process.exitCode = 1;
}

const entry = process.argv[2];
if (entry === undefined) {
  refuse("Nothing to start: node packages/runtime/guard.mjs <program.ts> [arguments]");
} else if (Number(process.versions.node.split(".")[0]) < leastMajor) {
  refuse(
    `Node ${leastMajor} or newer is needed, this is ${process.versions.node}: "npm start" and the other npm scripts ` +
      "bring their own after `npm ci` on Linux x64 and arm64; elsewhere install it from https://nodejs.org",
  );
} else if (!existsSync(join(root, "packages", "contracts", "gen", "image.binpb"))) {
  refuse("The generated contracts are missing: run `npm run generate` (it needs the packages that `npm ci` installs)");
} else {
  const program = resolve(entry);
  // The program sees the arguments that it would see if it had been started itself.
  process.argv.splice(1, 2, program);
  await import(pathToFileURL(program).href);
}
