import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { watchParent } from "./watch-parent.ts";

const ppid = Object.getOwnPropertyDescriptor(process, "ppid") as PropertyDescriptor;
const adopt = (pid: number) => Object.defineProperty(process, "ppid", { value: pid, configurable: true });
let timesGone: number;

beforeEach(() => {
  timesGone = 0;
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});

afterEach(() => {
  Object.defineProperty(process, "ppid", ppid);
  vi.useRealTimers();
});

const watch = (environment: Record<string, string>) => watchParent(environment, () => (timesGone += 1));

describe("a process that npm started", () => {
  it("hears once that npm has ended", () => {
    watch({ npm_lifecycle_event: "start" });
    vi.advanceTimersByTime(60_000);
    expect(timesGone).toBe(0);
    adopt(1);
    vi.advanceTimersByTime(60_000);
    expect(timesGone).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});

it("a process that npm did not start watches nobody", () => {
  watch({});
  expect(vi.getTimerCount()).toBe(0);
});
