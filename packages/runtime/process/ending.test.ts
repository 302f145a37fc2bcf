import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLogger } from "../log/logger.ts";
import { createEnding } from "./ending.ts";
import { ShutdownSequence } from "./shutdown.ts";

let lines: string[];
let exits: number[];
let shutdown: ShutdownSequence;

beforeEach(() => {
  [lines, exits, shutdown] = [[], [], new ShutdownSequence(0)];
  vi.useFakeTimers({ toFake: ["setTimeout", "performance"] });
  vi.spyOn(process, "exit").mockImplementation(((code: number) => exits.push(code)) as never);
});

afterEach(() => {
  process.exitCode = undefined;
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const log = () => lines.join("");

function create(graceMs = 0) {
  const logger = createLogger({ service: "test", sink: { write: (line) => lines.push(line) } });
  return createEnding({ shutdown, logger, graceMs });
}

describe("the end of a program", () => {
  it("runs the shutdown once, and leaves the process to end by itself with the code", async () => {
    let runs = 0;
    shutdown.add("count", () => (runs += 1));
    const end = create(10_000);
    end(3);
    end(0);
    await expect.poll(log).toContain('"stopped"');
    expect([runs, process.exitCode, exits]).toEqual([1, 3, []]);
    expect(log().match(/"event":"stopping"/g)).toHaveLength(1);
  });

  it("names what keeps the process, and ends it with its code", async () => {
    create()(3);
    await expect.poll(log).toContain('"stopped"');
    vi.advanceTimersByTime(499);
    expect(exits).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(log()).toMatch(/"resources":\[.*something did not close; ending by force/);
    expect(exits).toEqual([3]);
  });

  it("is forced, as a failure, where a step of the shutdown does not end", async () => {
    shutdown.add("stuck", () => new Promise(() => {}));
    create()(0);
    await expect.poll(() => exits).toEqual([1]);
    expect(log()).toContain('"step":"stuck"');
  });

  it("is forced by a second signal, but not by the echo of the first one, nor by a fault", () => {
    shutdown.add("long", () => new Promise(() => {}));
    const end = create(60_000);
    end(0, "SIGINT");
    vi.advanceTimersByTime(500);
    end(0, "SIGINT");
    vi.advanceTimersByTime(1);
    end(1);
    expect(exits).toEqual([]);
    end(0, "SIGTERM");
    expect(exits).toEqual([128 + 15]);
    expect(log()).toContain('"signal":"SIGINT"');
  });
});
