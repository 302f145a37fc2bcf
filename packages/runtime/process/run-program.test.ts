import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const runtime = new URL("../index.ts", import.meta.url).href;

describe("a program", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "run-program-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** Starts a program whose `start` has this body. */
  function start(body: string, { argumentTexts = [] as string[], environment = {} } = {}) {
    const child = spawn(process.execPath, [write(body), ...argumentTexts], { env: { ...process.env, ...environment } });
    return watch(child);
  }

  /** Writes a program whose `start` has this body, and gives its path. */
  function write(body: string): string {
    const path = join(folder, `${Math.random().toString(36).slice(2)}.mjs`);
    writeFileSync(
      path,
      `import { processSettings, runProgram, SettingsError } from ${JSON.stringify(runtime)};
       class Expected extends Error {}
       await runProgram({
         service: "test", environment: process.env, expectedErrors: [Expected],
         commandLine: {
           name: "test", about: "Tests.", settings: processSettings,
           options: { config: { value: "<file>", description: "The file" } },
         },
         async start({ settings, options, logger, shutdown, fail }) { ${body} },
       });`,
    );
    return path;
  }

  function watch(child: ChildProcess) {
    const texts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name]?.on("data", (chunk) => {
        texts[name] += chunk;
      });
    }
    const exit = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
      child.on("close", (code) => resolve({ code, ...texts })),
    );
    const says = (text: string) => expect.poll(() => texts.stdout).toContain(text);
    return { child, exit, says };
  }

  const listen = `
    const { createServer } = await import("node:net");
    const server = createServer().listen(0, "127.0.0.1");
    shutdown.add("server", () => server.close());
    logger.info({ event: "listening" }, "listening");`;

  it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "runs until %s, then its shutdown, and exits with 0",
    async (signal) => {
      const program = start(`${listen} shutdown.add("step", () => logger.info({}, "step done"));`);
      await program.says("listening");
      program.child.kill(signal);
      const { code, stdout } = await program.exit;
      expect(code).toBe(0);
      expect(stdout).toContain("step done");
      expect(
        stdout
          .trimEnd()
          .split("\n")
          .every((line) => JSON.parse(line).service === "test"),
      ).toBe(true);
    },
  );

  it("ends when npm, which started it through a shell, is gone", async () => {
    const script = `${listen} logger.info({}, "pid=" + process.pid);`;
    const path = write(script);
    const shell = spawn("sh", ["-c", `"${process.execPath}" "${path}"; exit`], {
      env: { ...process.env, npm_lifecycle_event: "start" },
    });
    const program = watch(shell);
    await program.says("pid=");
    shell.kill("SIGTERM");
    expect((await program.exit).stdout).toContain('"message":"stopped"');
  });

  it("ends at once on a second signal", async () => {
    const program = start(`${listen}
      shutdown.add("slow", () => {
        setTimeout(() => logger.info({}, "draining for long"), 600);
        return new Promise(() => {});
      });`);
    await program.says("listening");
    program.child.kill("SIGINT");
    await program.says("draining for long");
    program.child.kill("SIGINT");
    expect((await program.exit).code).toBe(130);
  });

  it("takes a Ctrl-C that npm hands on once more for one", async () => {
    const program = start(`${listen}
      shutdown.add("slow", async () => {
        const again = new Promise((resolve) => process.once("SIGINT", resolve));
        process.kill(process.pid, "SIGINT");
        await again;
        logger.info({}, "step done");
      });`);
    await program.says("listening");
    program.child.kill("SIGINT");
    const { code, stdout } = await program.exit;
    expect(code).toBe(0);
    expect(stdout).toContain("step done");
  });

  it("is ended by force when something does not close, and names it", async () => {
    const program = start(`
      (await import("node:net")).createServer().listen(0, "127.0.0.1");
      logger.info({}, "listening");`);
    await program.says("listening");
    program.child.kill("SIGTERM");
    const { code, stdout } = await program.exit;
    expect(code).toBe(0);
    expect(stdout).toContain("TCPServerWrap");
  });

  it("gives up waiting at start when it is told to end", async () => {
    const program = start(`
      logger.info({}, "waiting");
      const { setTimeout } = await import("node:timers/promises");
      await setTimeout(60_000, undefined, { signal: shutdown.signal });`);
    await program.says("waiting");
    program.child.kill("SIGTERM");
    expect((await program.exit).code).toBe(0);
  });

  it("shuts down and exits with 1 when its start fails, and logs a bug with its stack", async () => {
    const { code, stdout } = await start(`${listen} throw new Error("a bug");`).exit;
    expect(code).toBe(1);
    expect(stdout).toContain("a bug");
    expect(stdout).toContain("stack");
  });

  it.each([
    ["one that the program names", `new Expected("endpoints[0].name: is missing")`],
    ["a setting that cannot be used", `new SettingsError(["endpoints[0].name: is missing"])`],
  ])("tells an expected error by its message alone: %s", async (_name, error) => {
    const { code, stdout, stderr } = await start(`throw ${error};`).exit;
    expect(code).toBe(1);
    expect(stderr).toBe("endpoints[0].name: is missing\n");
    expect(stdout).not.toContain("stack");
  });

  it("shuts down and exits with 1 after an exception that nobody caught", async () => {
    const { code, stdout } = await start(`
      ${listen} shutdown.add("step", () => logger.info({}, "step done"));
      setTimeout(() => { throw new Error("a late bug"); }, 1);`).exit;
    expect(code).toBe(1);
    expect(stdout).toContain("a late bug");
    expect(stdout).toContain("step done");
  });

  it("shows its help", async () => {
    const { code, stdout } = await start("", { argumentTexts: ["--help"] }).exit;
    expect(code).toBe(0);
    expect(stdout).toContain("Tests.");
    expect(stdout).toContain("SPILLWAY_LOG_LEVEL");
  });

  it("refuses arguments that it does not take, and settings that are wrong", async () => {
    const unknown = await start("", { argumentTexts: ["--confg", "x"] }).exit;
    expect(unknown).toMatchObject({ code: 1, stdout: "" });
    expect(unknown.stderr).toContain("--confg");
    const wrong = await start("", { environment: { SPILLWAY_LOG_LEVEL: "loud", SPILLWAY_DRAIN_MS: "-1" } }).exit;
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/SPILLWAY_LOG_LEVEL.*SPILLWAY_DRAIN_MS/s);
  });
});
