import { HiddenText } from "./hidden-text.ts";

/** Environment variables by name, as `process.env` holds them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** One environment variable: how it is read, and what `--help` says of it. */
export interface Setting<Value> {
  readonly variable: string;
  /** What it is for, in one line. */
  readonly description: string;
  /** What stands in `--help` for its default. */
  readonly defaultText: string;
  /** The form that a value must have, e.g. `a whole number from 0 to 65535`. */
  readonly form: string;
  /** Secret values are never shown, not even when they are wrong. */
  readonly isSecret: boolean;
  /** Default for a variable that is unset or empty. */
  readonly absent: Value;
  /** Whether a variable that is unset or empty is a problem. */
  readonly isRequired: boolean;
  /** Reads a value without spaces around it. Throws an Error that says what is wrong with it, without the value. */
  parse(text: string): Value;
}

/** What settings of this kind have in common. */
export interface SettingInit<Value> {
  readonly variable: string;
  readonly description: string;
  readonly absent: Value;
  /** Stands in `--help` instead of the default's own text. */
  readonly defaultText?: string;
}

/** A setting of any form; `parse` throws an Error that says what is wrong, without the value. */
export function parsedSetting<Value>(
  init: SettingInit<Value> & {
    readonly form: string;
    readonly isSecret?: boolean;
    readonly parse: (text: string) => Value;
  },
): Setting<Value> {
  return { isSecret: false, isRequired: false, defaultText: textOfDefault(init.absent), ...init };
}

/** The same setting for a program that cannot do without it; `hint` says more than the form does. */
export function requiredSetting<Value>(
  setting: Setting<Value | undefined>,
  hint?: string,
): Setting<Exclude<Value, undefined>> {
  const form = hint === undefined ? setting.form : `${setting.form} (${hint})`;
  // The default is never seen: an absent value is refused.
  return { ...setting, form, defaultText: "required", isRequired: true } as Setting<Exclude<Value, undefined>>;
}

/** A setting whose value is any text. */
export function textSetting<Value extends string | undefined>(init: SettingInit<Value>): Setting<Value | string> {
  return parsedSetting<Value | string>({ ...init, form: "text", parse: (text) => text });
}

/** A setting whose value is an integer within limits, both included. */
export function integerSetting(
  init: SettingInit<number> & { readonly least: number; readonly most: number },
): Setting<number> {
  const { least, most } = init;
  return parsedSetting({
    ...init,
    form: `a whole number from ${least} to ${most}`,
    parse: (text) => {
      const value = Number(text);
      if (!/^-?\d+$/.test(text) || value < least || value > most) {
        throw new Error("is out of range or no whole number");
      }
      return value;
    },
  });
}

/** A setting whose value is the number of a port; 0 lets the system choose one. */
export function portSetting(init: SettingInit<number>): Setting<number> {
  return integerSetting({ ...init, least: 0, most: 65_535 });
}

/** A setting whose value is never shown. */
export function secretSetting(
  init: Omit<SettingInit<undefined>, "absent"> & { readonly form: string; readonly check?: (text: string) => void },
): Setting<HiddenText | undefined> {
  return parsedSetting<HiddenText | undefined>({
    ...init,
    absent: undefined,
    isSecret: true,
    parse: (text) => {
      init.check?.(text);
      return new HiddenText(text);
    },
  });
}

/** A setting whose value is `host:port` of a server to connect to, or `dns:///host:port` for all addresses of that name. */
export function addressSetting(init: SettingInit<string>): Setting<string> {
  return parsedSetting({
    ...init,
    form: "host:port, e.g. 127.0.0.1:8081, or dns:///host:port",
    parse: (text) => {
      if (!/^(?:dns:\/\/\/)?(\[[0-9a-fA-F:.]+\]|[^\s:/]+):\d{1,5}$/.test(text)) {
        throw new Error("is of another form");
      }
      return text;
    },
  });
}

const meanings: Readonly<Record<string, boolean>> = {
  true: true,
  "1": true,
  yes: true,
  on: true,
  false: false,
  "0": false,
  no: false,
  off: false,
};

/** A setting whose value is `true` or `false`; `1`, `0`, `yes`, `no`, `on` and `off` are understood too. */
export function booleanSetting<Value extends boolean | undefined>(init: SettingInit<Value>): Setting<Value | boolean> {
  return parsedSetting<Value | boolean>({
    ...init,
    form: "true or false",
    parse: (text) => {
      const value = meanings[text.toLowerCase()];
      if (value === undefined) {
        throw new Error("is neither");
      }
      return value;
    },
  });
}

/** A setting whose value is one of a few words. */
export function choiceSetting<const Choice extends string>(
  init: SettingInit<NoInfer<Choice>> & { readonly choices: readonly Choice[] },
): Setting<Choice> {
  return parsedSetting({
    ...init,
    form: `one of ${init.choices.join(", ")}`,
    parse: (text) => {
      const choice = init.choices.find((candidate) => candidate === text.toLowerCase());
      if (choice === undefined) {
        throw new Error("is none of them");
      }
      return choice;
    },
  });
}

function textOfDefault(value: unknown): string {
  return value === undefined || value === "" ? "unset" : String(value);
}
