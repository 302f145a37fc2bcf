import { describe, expect, it } from "vitest";
import { openTerminal, type StandardStreams } from "./terminal.ts";

function openOn(stdout: Partial<StandardStreams["stdout"]>) {
  const written: string[] = [];
  const sink = (name: string) => ({ write: (text: unknown) => written.push(`${name}: ${text}`) > 0 });
  const terminal = openTerminal({ stdout: { ...sink("stdout"), ...stdout }, stderr: sink("stderr") });
  terminal.write("hello");
  return { written, terminal };
}

describe("text for people", () => {
  it("goes to standard output where that is a terminal, in the colours that it has", () => {
    const { written, terminal } = openOn({ isTTY: true, hasColors: () => true });
    expect(written).toEqual(["stdout: hello"]);
    expect(terminal).toMatchObject({ isInteractive: true, colours: true });
    expect(openOn({ isTTY: true, hasColors: () => false }).terminal.colours).toBe(false);
    expect(openOn({ isTTY: true }).terminal.colours).toBe(false);
  });

  it("leaves standard output alone where a program reads it", () => {
    const { written, terminal } = openOn({ hasColors: () => true });
    expect(written).toEqual(["stderr: hello"]);
    expect(terminal).toMatchObject({ isInteractive: false, colours: false });
  });
});
