import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { HiddenText } from "./hidden-text.ts";
import { checkListenHost } from "./listen-host.ts";
import { readEnvironment, SettingsError } from "./read-environment.ts";
import { adminPortSetting, keySetting, serviceSettings } from "./service-settings.ts";
import {
  addressSetting,
  booleanSetting,
  choiceSetting,
  integerSetting,
  portSetting,
  requiredSetting,
  secretSetting,
  textSetting,
} from "./setting.ts";

const table = {
  port: portSetting({ variable: "SPILLWAY_HTTP_PORT", description: "HTTP", absent: 8080 }),
  host: textSetting({ variable: "SPILLWAY_HOST", description: "host", absent: "127.0.0.1" }),
  limit: integerSetting({ variable: "SPILLWAY_LIMIT", description: "limit", absent: 5, least: 1, most: 10 }),
  print: booleanSetting({ variable: "SPILLWAY_PRINT", description: "print", absent: undefined }),
  level: choiceSetting({ variable: "SPILLWAY_LEVEL", description: "level", absent: "info", choices: ["info", "warn"] }),
  address: addressSetting({ variable: "SPILLWAY_ADDRESS", description: "address", absent: "127.0.0.1:1" }),
  token: secretSetting({
    variable: "SPILLWAY_TOKEN",
    description: "token",
    form: "at least 8 characters",
    check: (text) => {
      if (text.length < 8) {
        throw new Error("is too short");
      }
    },
  }),
};

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    readEnvironment(environment, table);
  } catch (error) {
    if (error instanceof SettingsError) {
      return error.problems;
    }
    throw error;
  }
  return [];
}

describe("settings", () => {
  it("have their defaults where variables are unset, empty or blank", () => {
    const defaults = {
      port: 8080,
      host: "127.0.0.1",
      limit: 5,
      print: undefined,
      level: "info",
      address: "127.0.0.1:1",
      token: undefined,
    };
    expect(readEnvironment({}, table)).toEqual(defaults);
    expect(readEnvironment({ SPILLWAY_HTTP_PORT: "", SPILLWAY_HOST: "  " }, table)).toEqual(defaults);
  });

  it("are read with their types", () => {
    const values = readEnvironment(
      {
        SPILLWAY_HTTP_PORT: "0",
        SPILLWAY_HOST: " 0.0.0.0 ",
        SPILLWAY_LIMIT: "10",
        SPILLWAY_PRINT: "Yes",
        SPILLWAY_LEVEL: "WARN",
        SPILLWAY_ADDRESS: "[::1]:8082",
        SPILLWAY_TOKEN: "12345678",
      },
      table,
    );
    expect(values).toMatchObject({
      port: 0,
      host: "0.0.0.0",
      limit: 10,
      print: true,
      level: "warn",
      address: "[::1]:8082",
    });
    expect(values.token?.reveal()).toBe("12345678");
  });

  it.each(["routing:8081", "10.0.0.7:8081", "[::1]:8081", "dns:///routing:8081"])(
    "may be the address %s",
    (address) => {
      expect(readEnvironment({ SPILLWAY_ADDRESS: address }, table).address).toBe(address);
    },
  );

  it.each([
    ["SPILLWAY_HTTP_PORT", "80a8", "a whole number from 0 to 65535"],
    ["SPILLWAY_HTTP_PORT", "65536", "a whole number from 0 to 65535"],
    ["SPILLWAY_HTTP_PORT", "1e3", "a whole number from 0 to 65535"],
    ["SPILLWAY_LIMIT", "0", "a whole number from 1 to 10"],
    ["SPILLWAY_PRINT", "perhaps", "true or false"],
    ["SPILLWAY_LEVEL", "loud", "one of info, warn"],
    ["SPILLWAY_ADDRESS", "http://host:1", "host:port"],
    ["SPILLWAY_ADDRESS", "dns://routing:8081", "host:port"],
    ["SPILLWAY_TOKEN", "short", "at least 8 characters"],
  ])("are refused with the variable, the form and the default: %s=%s", (variable, text, form) => {
    const [problem] = problemsOf({ [variable]: text });
    expect(problem).toContain(variable);
    expect(problem).toContain(form);
    expect(problem).toContain("default:");
  });

  it("are refused all at once", () => {
    expect(problemsOf({ SPILLWAY_HTTP_PORT: "x", SPILLWAY_LEVEL: "x", SPILLWAY_PRINT: "x" })).toHaveLength(3);
  });

  it("never show a secret, neither a wrong one nor a right one", () => {
    expect(problemsOf({ SPILLWAY_TOKEN: "sEcReT" }).join()).not.toContain("sEcReT");
    const values = readEnvironment({ SPILLWAY_TOKEN: "sEcReT-token" }, table);
    for (const shown of [inspect(values), JSON.stringify(values), `${values.token}`]) {
      expect(shown).not.toContain("sEcReT");
    }
  });

  it("are refused when they are required and not there", () => {
    const required = { token: requiredSetting(table.token, "`openssl rand -hex 24` makes one") };
    expect(readEnvironment({ SPILLWAY_TOKEN: "12345678" }, required).token.reveal()).toBe("12345678");
    expect(() => readEnvironment({}, required)).toThrow(
      "SPILLWAY_TOKEN is not set: set it to at least 8 characters (`openssl rand -hex 24` makes one)",
    );
    expect(() => readEnvironment({ SPILLWAY_TOKEN: "short" }, required)).toThrow(/^SPILLWAY_TOKEN(?!.*unset it)/s);
  });

  it("may be checked together, after each by itself", () => {
    const check = ({ port }: { readonly port: number }) => (port === 8080 ? ["SPILLWAY_HTTP_PORT is taken"] : []);
    expect(() => readEnvironment({ SPILLWAY_LEVEL: "x" }, table, check)).toThrow(/SPILLWAY_LEVEL.*SPILLWAY_HTTP_PORT/s);
  });
});

describe("a token", () => {
  const { adminToken } = serviceSettings;

  it.each(["two words", "zwölf-zeichen", "a\tb"])("is refused where no header can carry it: %j", (token) => {
    expect(() => readEnvironment({ SPILLWAY_ADMIN_TOKEN: token }, { adminToken })).toThrow(
      /SPILLWAY_ADMIN_TOKEN.*printable ASCII without spaces/,
    );
  });

  it("may have every printable character", () => {
    const token = "!#$%&'*+-.^_`|~0aZ";
    expect(readEnvironment({ SPILLWAY_ADMIN_TOKEN: token }, { adminToken }).adminToken?.reveal()).toBe(token);
  });
});

describe("DATABASE_URL", () => {
  const { databaseUrl } = serviceSettings;
  const read = (text: string) => readEnvironment({ DATABASE_URL: text }, { databaseUrl }).databaseUrl?.reveal();

  it.each(["postgres://user:hunter2@host:5432/name", "postgresql://host/name"])("may be %s", (url) => {
    expect(read(url)).toBe(url);
  });

  it.each(["mysql://user:hunter2@host/name", "user:hunter2@host/name", "host=db password=hunter2"])(
    "is refused by its name, without what it holds: %s",
    (text) => {
      expect(() => read(text)).toThrow(/^DATABASE_URL (?!.*hunter2).*set it to a URL, e\.g\. postgres:/s);
    },
  );
});

describe("SPILLWAY_KEK", () => {
  const setting = keySetting((text) => {
    if (text.length < 16) {
      throw new Error("is too short");
    }
    return { length: text.length };
  });
  const read = (text: string) => readEnvironment({ SPILLWAY_KEK: text }, { key: setting }).key;

  it("is what its text is resolved to", () => {
    expect(read("correct horse battery")).toEqual({ length: 21 });
    expect(read("")).toBeUndefined();
  });

  it("is refused by its name with the forms that it may have, without its text", () => {
    expect(() => read("hunter2")).toThrow(
      /^SPILLWAY_KEK is too short: (?!.*hunter2)set it to 32 bytes as base64 or hexadecimal, a passphrase .*file:PATH/,
    );
  });
});

it("a port of its own has the default that its program gives it", () => {
  const table = { adminPort: adminPortSetting(9090) };
  expect(readEnvironment({}, table).adminPort).toBe(9090);
  expect(() => readEnvironment({ SPILLWAY_ADMIN_PORT: "high" }, table)).toThrow(/SPILLWAY_ADMIN_PORT.*default: 9090/);
});

describe("the host to listen on", () => {
  const token = new HiddenText("12345678");

  it.each(["127.0.0.1", "127.0.0.2", "localhost", "::1"])("may be %s without tokens", (host) => {
    expect(checkListenHost(host, { SPILLWAY_ADMIN_TOKEN: undefined })).toEqual([]);
  });

  it.each(["0.0.0.0", "::", "10.0.0.1", "spillway.example"])("may not be %s while a token is not set", (host) => {
    const [problem] = checkListenHost(host, { SPILLWAY_ADMIN_TOKEN: token, SPILLWAY_SERVICE_TOKEN: undefined });
    expect(problem).toContain("SPILLWAY_HOST");
    expect(problem).toContain("SPILLWAY_SERVICE_TOKEN is not set");
    expect(problem).not.toContain("SPILLWAY_ADMIN_TOKEN");
  });

  it("may be any while all tokens are set", () => {
    expect(checkListenHost("0.0.0.0", { SPILLWAY_ADMIN_TOKEN: token })).toEqual([]);
  });
});
