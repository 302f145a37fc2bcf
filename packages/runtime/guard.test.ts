import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const guard = fileURLToPath(new URL("guard.mjs", import.meta.url));

describe("guard", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "guard-"));
    await mkdir(join(root, "packages/runtime"), { recursive: true });
    await mkdir(join(root, "packages/contracts/gen"), { recursive: true });
    await cp(guard, join(root, "packages/runtime/guard.mjs"));
    await writeFile(join(root, "packages/contracts/gen/image.binpb"), "");
    await writeFile(
      join(root, "entry.mts"),
      "const shown: unknown = process.argv.slice(1);\nconsole.log(JSON.stringify(shown));",
    );
  });
  afterEach(() => rm(root, { recursive: true }));

  function run(...parameters: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return new Promise((resolve) => {
      execFile(process.execPath, parameters, { cwd: root }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
    });
  }

  it("starts a program with its arguments, as if it had been started itself", async () => {
    const { code, stdout } = await run("packages/runtime/guard.mjs", "entry.mts", "--config", "x.yaml");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual([join(root, "entry.mts"), "--config", "x.yaml"]);
  });

  it("says in one line that this Node is too old, which one is needed and who brings it", async () => {
    const older = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.19.1' } });";
    await writeFile(join(root, "older.cjs"), older);
    const { code, stdout, stderr } = await run("-r", "./older.cjs", "packages/runtime/guard.mjs", "entry.mts");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stderr).toMatch(/Node 24 or newer is needed, this is 20\.19\.1.*npm start/);
  });

  it("says which command makes the generated contracts when they are missing", async () => {
    await rm(join(root, "packages/contracts/gen"), { recursive: true });
    const { code, stderr } = await run("packages/runtime/guard.mjs", "entry.mts");
    expect(code).toBe(1);
    expect(stderr).toContain("npm run generate");
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it("says how it is used when there is nothing to start", async () => {
    expect((await run("packages/runtime/guard.mjs")).stderr).toContain("guard.mjs <program.ts>");
  });
});
