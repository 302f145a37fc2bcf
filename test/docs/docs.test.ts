import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { compileCondition, compileKey } from "#conditions";
import { parseConfigText } from "#config-file";
import { enumName, errorsV1 } from "#contracts";
import { listProviders } from "#providers";
import { processSettings, serviceSettings } from "#runtime";

const house = fileURLToPath(new URL("../../", import.meta.url));

function read(path: string): string {
  return readFileSync(join(house, path), "utf8");
}

function readSources(pattern: string): string {
  const paths = globSync(pattern, { cwd: house }).filter((path) => !path.endsWith(".test.ts"));
  expect(paths).not.toEqual([]);
  return paths.map(read).join("\n");
}

/** The rows of all tables of a page whose heading matches, as trimmed cells. */
function readRows(path: string, heading = /./, start = "| `"): string[][] {
  const sections = read(path)
    .split(/^#+ /m)
    .filter((section) => heading.test(section.split("\n", 1)[0] ?? ""));
  return sections
    .flatMap((section) => section.split("\n"))
    .filter((line) => line.startsWith(start))
    .map((line) =>
      line
        .slice(1, -1)
        .split(" | ")
        .map((cell) => cell.trim()),
    );
}

function quoted(text: string): string[] {
  return [...text.replaceAll(/^```.*?^```/gms, "").matchAll(/`([^`]+)`/g)].map(([, name]) => name as string);
}

function namesOf(rows: readonly (readonly string[])[]): string[] {
  return rows.flatMap(([first]) => quoted(first ?? "")).sort();
}

function allMatches(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map(([, name]) => name as string))].sort();
}

const pages = globSync(["*.md", "docs/**/*.md"], { cwd: house });

describe("the docs", () => {
  it.each(pages)("of %s link only to what is there", (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]*)(#[^)]*)?\)/g)];
    const dead = links.filter(([, path, anchor]) => {
      const target = path === "" ? page : join(dirname(page), path as string);
      if (!existsSync(join(house, target))) {
        return true;
      }
      return anchor !== undefined && !anchorsOf(target).includes(anchor);
    });
    expect(dead.map(([link]) => link)).toEqual([]);
  });

  it("name every environment variable that the code reads, and no other", () => {
    const settings = readSources("{packages,services}/**/*.ts");
    const read = allMatches(settings, /variable: "([A-Z_]+)"/g);
    const exporters = allMatches(settings, /(?:url|batch)Setting\(\s*"([A-Z_]+)"/g);
    expect(namesOf(readRows("docs/environment-variables.md"))).toEqual([...new Set([...read, ...exporters])].sort());
  });

  it("give the defaults of environment variables that the code has", () => {
    const documented = new Map(
      readRows("docs/environment-variables.md").map((row) => [row[0], row.length === 4 ? row[2] : row[1]]),
    );
    const literals = Object.values({ ...processSettings, ...serviceSettings }).filter(({ variable }) =>
      /^`[^`]+`$/.test(documented.get(`\`${variable}\``) ?? ""),
    );
    expect(literals.length).toBeGreaterThan(10);
    for (const { variable, defaultText } of literals) {
      expect(`${variable} ${documented.get(`\`${variable}\``)}`).toBe(`${variable} \`${defaultText}\``);
    }
  });

  it("name every header that the edge reads or writes by itself, and no other", () => {
    const sources = readSources("{services/edge,packages/dialects}/**/*.ts");
    const known = allMatches(
      sources,
      /"((?:x-spillway|x-mlflow|x-request|x-should|traceresponse|retry-after)[a-z-]*)"/g,
    );
    const documented = namesOf(readRows("docs/http-api.md", /headers/)).filter((name) =>
      /^(x-(?!api)|traceresponse|retry)/.test(name),
    );
    expect([...new Set(documented)]).toEqual(known);
  });

  it("name every code of an error over HTTP, and no other", () => {
    const edge = readSources("services/edge/**/*.ts");
    const own = allMatches(edge, /code: "([a-z_]+)"/g);
    const renamed = new Map([...edge.matchAll(/^ {2}([A-Z_]+): "([a-z_]+)",$/gm)].map(([, from, to]) => [from, to]));
    // The caller is gone, the methods that say so are not called, and the provider's code stands in its place.
    const elsewhere = ["CANCELLED", "RESOURCE_NOT_FOUND", "CALLER_FAULT", "UNRECOGNIZED"];
    const sources = readSources("{packages/rpc,services/routing}/**/*.ts");
    const reasons = Object.keys(errorsV1.ErrorReason).filter(
      (reason) => sources.includes(`"${reason}"`) && !elsewhere.includes(reason),
    );
    expect(reasons.length).toBeGreaterThan(10);
    const passedOn = reasons.map((reason) => renamed.get(reason) ?? reason.toLowerCase());
    const rows = readRows("docs/http-api.md", /^Errors/, "| ").filter((row) => row.length === 3);
    const documented = rows.flatMap(([, code]) => quoted(code ?? "")).filter((code) => code !== "code");
    expect([...new Set(documented)].sort()).toEqual([...new Set([...own, ...passedOn])].sort());
  });

  it("name every type of an error over HTTP, and no other", () => {
    const [, types] = /function toErrorType(.*?)\n}/s.exec(read("services/edge/http-failure.ts")) ?? [];
    const rows = readRows("docs/http-api.md", /^Errors/).filter((row) => row.length === 2 && row[0] !== "`type`");
    expect(namesOf(rows)).toEqual(allMatches(types as string, /"([a-z_]+)"/g));
  });

  it("show a broken stream that ends with an error event, with every field of an attempt", () => {
    const page = read("docs/http-api.md");
    const [sample] = /```\n(data: .*?)\n```/s.exec(page)?.slice(1) ?? [];
    const events = (sample as string).split("\n\n").map((event) => JSON.parse(event.replace(/^data: /, "")));
    expect(events[0]).toMatchObject({ object: "chat.completion.chunk" });
    const { error } = events.at(-1);
    expect(error).toMatchObject({ code: "stream_broken", type: "server_error" });
    const [told] = /`error\.attempts` lists them: (.*)/s.exec(page)?.slice(1) ?? [];
    for (const field of Object.keys(error.attempts[0])) {
      expect(quoted(told as string)).toContain(field);
    }
  });

  it("give the defaults of a policy that the code has", () => {
    const code = read("services/routing/policy/default-policy.ts");
    const numbers = new Map(
      [...code.matchAll(/(\w+): ([\d_.]+)/g)].map(([, key, value]) => [key, Number(value?.replaceAll("_", ""))]),
    );
    const rows = readRows("docs/configuration-file.md", /^Policy/);
    const names: Record<string, string> = {
      connectMs: "timeouts.connect",
      firstTokenMs: "timeouts.first_token",
      idleMs: "timeouts.idle",
      attemptMs: "timeouts.attempt",
      deadlineMs: "timeouts.deadline",
      max: "retries.max",
      initialBackoffMs: "retries.initial_backoff",
      maxBackoffMs: "retries.max_backoff",
      maxTotalAttempts: "max_total_attempts",
      failureRatio: "breaker.failure_ratio",
      minRequests: "breaker.min_requests",
      windowMs: "breaker.window",
      openForMs: "breaker.open_for",
      halfOpenProbes: "breaker.half_open_probes",
      maxQueueWaitMs: "max_queue_wait",
    };
    const documented = Object.fromEntries(rows.map(([key, , value]) => [key?.replaceAll("`", ""), value]));
    expect([...numbers.keys()].sort()).toEqual(Object.keys(names).sort());
    for (const [key, value] of numbers) {
      expect(`${key} ${documented[names[key as string] as string]}`).toBe(`${key} ${value}`);
    }
  });

  it("name every key of the configuration file, and no other", () => {
    const keys = allMatches(
      read("packages/config-file/config-schema.ts"),
      /\b([a-z_]+): (?:optional|required|policyOfEndpoint)\b/g,
    );
    const text = read("docs/configuration-file.md");
    const documented = new Set(quoted(text).flatMap((code) => code.match(/[a-z_]+/g) ?? []));
    expect(keys.length).toBeGreaterThan(50);
    expect(keys.filter((key) => !documented.has(key))).toEqual([]);
    const rows = namesOf(readRows("docs/configuration-file.md", /^(Entries|Policy)/)).flatMap((name) =>
      name.split("."),
    );
    expect(rows.filter((name) => !keys.includes(name))).toEqual([]);
  });

  it("say of the same keys as the code that nothing acts on them yet", () => {
    const code = read("services/config/policies/not-acted-on.ts");
    const named = allMatches(code, /(?:\.|idle)([a-z_]+|Budget)(?:`\)|Warnings\(_)/g);
    const keys = named.map((name) => (name === "Budget" ? "budgets" : name)).sort();
    const [section] =
      /## Not acted on yet\n.*?: (.*?)\. The log/s.exec(read("docs/configuration-file.md"))?.slice(1) ?? [];
    expect(quoted((section as string).replace(/.*version: /s, "")).sort()).toEqual(keys);
  });

  it("name every provider, and no other", () => {
    const ids = listProviders().map(({ id }) => id);
    expect(namesOf(readRows("docs/configuration-file.md", /^Providers/))).toEqual(ids.sort());
  });

  it("show a configuration file that can be read", () => {
    const [example] = /```yaml\n(version: 1\n.*?)```/s.exec(read("docs/configuration-file.md"))?.slice(1) ?? [];
    const environment = { OPENAI_API_KEY: "sk-of-the-example", SEARCH_APP_KEY: "a-key-of-sixteen-characters" };
    const document = parseConfigText(example as string, environment);
    expect(document.endpoints[0]?.primary.map(({ weight }) => weight)).toEqual([0.9, 0.1]);
    expect(document.secrets[0]?.value).toEqual({ api_key: "sk-of-the-example" });
  });

  it("show rules and a sticky key that can be used", () => {
    const [example] = /```yaml\n(rules:\n.*?)```/s.exec(read("docs/configuration-file.md"))?.slice(1) ?? [];
    const members = (example as string).replaceAll(/^/gm, "    ");
    const document = parseConfigText(
      `version: 1\nendpoints:\n  - name: chat\n    primary: [{ model: gpt-4o }]\n${members}`,
      {},
    );
    const [endpoint] = document.endpoints;
    expect(endpoint?.rules.map(({ when }) => typeof compileCondition(when))).toEqual(["function"]);
    expect(typeof compileKey(endpoint?.stickyKey ?? "")).toBe("function");
  });

  it("name every attribute of spans that is our own, and no other", () => {
    const known = allMatches(read("services/routing/telemetry/span-names.ts"), /"(spillway\.[a-z_.]+)"/g);
    expect(namesOf(readRows("docs/traces.md", /^Attributes/))).toEqual(known);
  });

  it("name every event of spans, and no other", () => {
    const known = allMatches(read("services/routing/telemetry/span-names.ts"), /EventName = "([a-z_]+)"/g);
    expect(namesOf(readRows("docs/traces.md", /^Events/))).toEqual(known);
  });

  it("name everything that expressions may read, and no other, with its type", () => {
    const code = read("packages/conditions/compile-expression.ts");
    const types = [...code.matchAll(/registerType\("(\w+)", \{[^{]*fields: \{([^}]*)\}/g)];
    const known = types.flatMap(([, type, fields]) =>
      [...(fields as string).matchAll(/(\w+): "([^"]+)"/g)].map(
        ([, name, is]) => `${(type as string).toLowerCase()}.${name} ${is?.replace(/^map<.*/, "map of strings")}`,
      ),
    );
    const rows = readRows("docs/configuration-file.md", /^Expressions/);
    expect(rows.map(([name, is]) => `${quoted(name ?? "")[0]} ${is?.replace("any", "dyn")}`)).toEqual(known);
  });

  it("name every state of a target's health, and no other", () => {
    const [union] = /type Availability = (.*);/.exec(read("services/routing/health/target-health.ts"))?.slice(1) ?? [];
    const known = allMatches(union as string, /"([a-z ]+)"/g);
    expect(namesOf(readRows("docs/failures.md", /^Targets that are left alone/))).toEqual(known);
  });

  it("give the statuses of requests that nothing served, in the order in which they are judged", () => {
    const code = read("services/routing/attempts/judge-exhaustion.ts").split(
      "/** What a caller is told of a stream",
    )[0];
    const judged = [...(code as string).matchAll(/reason: "(\w+)",\s+httpStatus: (\d+)/g)];
    const rows = readRows("docs/failures.md", /^When every attempt failed/, "| ").filter(([, status]) =>
      /^\d/.test(status ?? ""),
    );
    expect(rows.map(([, status, reason]) => `${quoted(reason ?? "")[0]} ${status?.slice(0, 3)}`)).toEqual(
      judged.map(([, reason, status]) => `${reason} ${status}`),
    );
  });

  it.each([
    [
      "docs/failures.md",
      /Retry-After of (\d+) s/,
      "services/routing/attempts/judge-exhaustion.ts",
      "saturatedRetryMs",
      1000,
    ],
    ["docs/failures.md", /else (\d+) minutes/, "services/routing/attempts/report-outcome.ts", "longCoolMs", 60_000],
    ["docs/failures.md", /at most\s(\d+) others/, "services/routing/limits/concurrency-limit.ts", "maxWaiting", 1],
    [
      "docs/configuration-file.md",
      /at most (\d+) characters\./,
      "packages/conditions/compile-expression.ts",
      "maxExpressionLength",
      1,
    ],
    [
      "docs/configuration-file.md",
      /a token for each (\d+) bytes/,
      "packages/dialects/openai-chat/inspect-chat-body.ts",
      "bytesPerToken",
      1,
    ],
    [
      "docs/configuration-file.md",
      /and (\d+) for each image/,
      "packages/dialects/openai-chat/inspect-chat-body.ts",
      "tokensPerMedium",
      1,
    ],
  ] as const)("in %s give the number %s that the code has", (...[page, pattern, path, name, unit]) => {
    const [told] = pattern.exec(read(page))?.slice(1) ?? [];
    const [value] = new RegExp(`const ${name} = ([\\d_]+)`).exec(read(path))?.slice(1) ?? [];
    expect(told).toMatch(/^\d+$/);
    expect(Number(told) * unit).toBe(Number(value?.replaceAll("_", "")));
  });

  it("name every metric and every label that is our own, and no other", () => {
    const sources = readSources("{packages,services}/**/*{metrics,metric-names,main}.ts");
    const metrics = allMatches(sources, /\bname: "([a-z0-9_]+(?:\.[a-z_]+)+)"/g);
    const rows = readRows("docs/metrics.md");
    expect(metrics.length).toBeGreaterThan(15);
    expect(namesOf(rows)).toEqual(metrics);
    const labels = allMatches(sources, /: "((?:spillway|gen_ai|http|error)\.[a-z_.]+)",?\n/g).filter(
      (name) => !metrics.includes(name),
    );
    const text = new Set(quoted(read("docs/metrics.md")));
    expect(labels.filter((label) => !text.has(label))).toEqual([]);
  });

  it("explain every failure class, and no other", () => {
    const values = Object.values(errorsV1.FailureClass).filter((value) => value > 0);
    const names = values.map((value) => enumName(errorsV1.FailureClass, value)).sort();
    expect(namesOf(readRows("docs/failures.md", /^Failures/))).toEqual(names);
  });
});

describe("the decisions", () => {
  it.each(globSync("docs/adr/*.md", { cwd: house }))("in %s are short and in form", (page) => {
    const text = read(page);
    const number = /(\d{4})-[a-z-]+\.md$/.exec(page)?.[1];
    expect(text.split("\n").length).toBeLessThanOrEqual(61);
    expect(text).toMatch(new RegExp(`^# ${number}: .+\n\nStatus: (accepted|superseded by \\d{4})\n`));
    const headings = [...text.matchAll(/^##+ (.+)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual([
      "Context and Problem Statement",
      "Considered Options",
      "Decision Outcome",
      "Consequences",
    ]);
  });
});

function anchorsOf(page: string): string[] {
  const headings = [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading as string);
  return headings.map(
    (heading) =>
      `#${heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, "")
        .replaceAll(" ", "-")}`,
  );
}
