import type { WriteStream } from "node:tty";

/** Where text for people goes, beside the log. */
export interface Terminal {
  /** Whether standard output is a terminal that somebody looks at. */
  readonly isInteractive: boolean;
  readonly colours: boolean;
  readonly write: (text: string) => void;
}

/** The part of `process` that a terminal is opened on. */
export interface StandardStreams {
  readonly stdout: Pick<WriteStream, "write"> & Partial<Pick<WriteStream, "isTTY" | "hasColors">>;
  readonly stderr: Pick<WriteStream, "write">;
}

/** Standard output where it is a terminal; else standard error, so that standard output stays JSON lines alone. */
export function openTerminal({ stdout, stderr }: StandardStreams): Terminal {
  const isInteractive = stdout.isTTY === true;
  return {
    isInteractive,
    colours: isInteractive && (stdout.hasColors?.() ?? false),
    write: (text) => {
      (isInteractive ? stdout : stderr).write(text);
    },
  };
}
