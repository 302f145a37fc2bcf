import { describe, expect, test } from "vitest";
import { type CallSignal, LightSignal } from "./call-signal.ts";

interface Abortable {
  readonly signal: CallSignal;
  abort(): void;
}

function createController(): Abortable {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

function createLight(): Abortable {
  const signal = new LightSignal();
  return { signal, abort: () => signal.abort() };
}

describe.each([
  ["an AbortController's", createController],
  ["a light", createLight],
])("%s signal", (_name, create) => {
  test("calls its listeners in order, once, however often it is aborted", () => {
    const { signal, abort } = create();
    const heard: string[] = [];
    signal.addEventListener("abort", () => heard.push("first"));
    signal.addEventListener("abort", () => heard.push("second"));
    expect(signal.aborted).toBe(false);
    abort();
    abort();
    expect(signal.aborted).toBe(true);
    expect(heard).toEqual(["first", "second"]);
  });

  test("calls nobody who was taken off, or who came too late", () => {
    const { signal, abort } = create();
    const unheard = () => expect.unreachable();
    signal.addEventListener("abort", unheard);
    signal.removeEventListener("abort", unheard);
    signal.removeEventListener("abort", unheard);
    abort();
    signal.addEventListener("abort", unheard);
  });

  test("lets a listener take itself off while it is called", () => {
    const { signal, abort } = create();
    const heard: string[] = [];
    const first = () => {
      signal.removeEventListener("abort", first);
      heard.push("first");
    };
    signal.addEventListener("abort", first);
    signal.addEventListener("abort", () => heard.push("second"));
    abort();
    expect(heard).toEqual(["first", "second"]);
  });
});
