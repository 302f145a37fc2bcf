// Compares proto/ with the last tag, so that no released client breaks. Skipped with a line while there is no tag.
import { spawnSync } from "node:child_process";

const { status, stdout } = spawnSync("git", ["describe", "--tags", "--abbrev=0"], { encoding: "utf8" });
const tag = status === 0 ? stdout.trim() : "";
if (tag === "") {
  console.log("buf breaking: skipped, there is no tag to compare with");
} else {
  const against = `.git#tag=${tag}`;
  console.log(`buf breaking against ${tag}`);
  process.exitCode = spawnSync("buf", ["breaking", "--against", against], { stdio: "inherit" }).status ?? 1;
}
