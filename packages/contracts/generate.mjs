// Generates the contracts' TypeScript and the descriptor image from proto/, offline, with the buf and ts-proto that npm
// installed. Runs on any Node that npm runs on. Does nothing where those tools were pruned away.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const generated = join(root, "packages", "contracts", "gen");
const buf = join(root, "node_modules", ".bin", process.platform === "win32" ? "buf.cmd" : "buf");

function run(...parameters) {
  const { status, error } = spawnSync(buf, parameters, {
    cwd: root,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (error !== undefined || status !== 0) {
    console.error(`buf ${parameters[0]} failed${error === undefined ? "" : `: ${error.message}`}`);
    process.exit(1);
  }
}

if (existsSync(buf)) {
  rmSync(generated, { recursive: true, force: true });
  run("generate", "--template", "packages/contracts/buf.gen.yaml");
  run("build", "-o", "packages/contracts/gen/image.binpb");
} else if (!existsSync(join(generated, "image.binpb"))) {
  console.error("The generated contracts are missing: run `npm ci`, which brings buf and ts-proto, before pruning.");
  process.exit(1);
}
