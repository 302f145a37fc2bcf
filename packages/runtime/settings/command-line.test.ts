import { describe, expect, it } from "vitest";
import { formatHelp, readArguments } from "./command-line.ts";
import { portSetting } from "./setting.ts";

const commandLine = {
  name: "npm start",
  about: "Runs everything.",
  options: { config: { value: "<file>", description: "The file" } },
  settings: { port: portSetting({ variable: "SPILLWAY_HTTP_PORT", description: "Port of HTTP", absent: 8080 }) },
};

describe("command line", () => {
  it("takes options with a value, in either form", () => {
    expect(readArguments(["--config", "a.yaml"], commandLine)).toEqual({ help: false, values: { config: "a.yaml" } });
    expect(readArguments(["--config=a.yaml"], commandLine).values).toEqual({ config: "a.yaml" });
    expect(readArguments([], commandLine)).toEqual({ help: false, values: {} });
  });

  it.each([["--help"], ["-h"]])("takes %s", (argument) => {
    expect(readArguments([argument], commandLine).help).toBe(true);
  });

  it.each([["--confg", "x"], ["config.yaml"], ["--config"], ["--config="], ["-x"]])("refuses %s %s", (...texts) => {
    expect(() => readArguments(texts, commandLine)).toThrow(/npm start takes --help, --config/);
  });

  it("shows what it does, its arguments and its variables with defaults", () => {
    expect(formatHelp(commandLine)).toMatchInlineSnapshot(`
      "Usage: npm start -- [--config <file>]

      Runs everything.

      Arguments
        --config <file>  The file
        --help           Show this.

      Environment variables [default]
        SPILLWAY_HTTP_PORT  Port of HTTP [8080]
      "
    `);
  });
});
