import { describe, expect, it } from "vitest";
import { createLogger } from "../log/logger.ts";
import { ShutdownSequence } from "./shutdown.ts";

const logger = createLogger({ service: "test", level: "silent" });

describe("shutdown", () => {
  it("runs steps one after another, the newest first, and tells each the grace that is left", async () => {
    const shutdown = new ShutdownSequence();
    const done: string[] = [];
    const graces: number[] = [];
    for (const name of ["first", "second", "third"]) {
      shutdown.add(name, async (graceMs) => {
        await Promise.resolve();
        done.push(name);
        graces.push(graceMs);
      });
    }
    expect(await shutdown.run(10_000, logger)).toEqual({ overdue: [] });
    expect(done).toEqual(["third", "second", "first"]);
    for (const graceMs of graces) {
      expect(graceMs).toBeGreaterThan(9000);
    }
  });

  it("aborts its signal before the first step", async () => {
    const shutdown = new ShutdownSequence();
    let wasAborted = false;
    shutdown.add("look", () => {
      wasAborted = shutdown.signal.aborted;
    });
    expect(shutdown.signal.aborted).toBe(false);
    await shutdown.run(0, logger);
    expect(wasAborted).toBe(true);
  });

  it("goes on after a step that fails", async () => {
    const shutdown = new ShutdownSequence();
    let reached = false;
    shutdown.add("last", () => {
      reached = true;
    });
    shutdown.add("broken", () => {
      throw new Error("no");
    });
    expect(await shutdown.run(0, logger)).toEqual({ overdue: [] });
    expect(reached).toBe(true);
  });

  it("closes at once what is opened after it began, and ends the start that opened it", async () => {
    const shutdown = new ShutdownSequence();
    await shutdown.run(0, logger);
    let isClosed = false;
    const open = () => {
      shutdown.add("late", () => {
        isClosed = true;
      });
    };
    expect(open).toThrow("the program ends");
    expect(isClosed).toBe(true);
  });

  it("leaves a step that does not end, names it, and runs the others", async () => {
    const shutdown = new ShutdownSequence(30);
    let reached = false;
    shutdown.add("last", () => {
      reached = true;
    });
    shutdown.add("hanging", () => new Promise(() => {}));
    expect(await shutdown.run(20, logger)).toEqual({ overdue: ["hanging"] });
    expect(reached).toBe(true);
  });
});
