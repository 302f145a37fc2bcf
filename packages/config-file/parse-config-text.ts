import { type Alias, type Document, LineCounter, type Node, parseDocument, visit, type YAMLError } from "yaml";
import { configV1 } from "#contracts";
import type { Environment } from "#runtime";
import { ConfigFileError } from "./config-file-error.ts";
import { configSchema } from "./config-schema.ts";
import { hasReservedCharacter, hideReferences } from "./environment-references.ts";
import { readShape, TooManyNodesError } from "./read-shape.ts";
import type { Reading } from "./reading.ts";

const mostCharacters = 4 * 1024 * 1024;
const mostNodes = 250_000;

/** A document, and where in its file things stand. */
export interface LocatedDocument {
  readonly document: configV1.ConfigDocument;
  /** The line of a path; of one that is not there that of what it belongs to; 0 where nothing of it is. */
  readonly lineOf: (path: string) => number;
}

/**
 * Reads a declarative file: strict YAML of one document, with `${NAME}` in texts taken from the environment (`$${`
 * writes the characters themselves). Throws `ConfigFileError` with everything that is wrong, or the first fault if it is not YAML.
 */
export function parseConfigText(text: string, environment: Environment): configV1.ConfigDocument {
  return parseLocatedText(text, environment).document;
}

/** Reads a declarative file as `parseConfigText` does, and remembers the lines. */
export function parseLocatedText(text: string, environment: Environment): LocatedDocument {
  if (text.length > mostCharacters) {
    throw whole(`is longer than ${mostCharacters} characters`);
  }
  if (hasReservedCharacter(text)) {
    throw whole("holds a character between U+FDD0 and U+FDD4, which Unicode reserves");
  }
  const { contents, reading } = parseYaml(hideReferences(text), environment);
  const values = readContents(contents, reading);
  if (reading.violations.length > 0) {
    throw new ConfigFileError([...reading.violations].sort((left, right) => left.line - right.line));
  }
  const { lines } = reading;
  return {
    document: configV1.ConfigDocument.fromPartial(values as Partial<configV1.ConfigDocument>),
    lineOf: (path) => findLine(path, lines),
  };
}

function findLine(path: string, lines: ReadonlyMap<string, number>): number {
  for (let at = path; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("."), at.lastIndexOf("[")))) {
    const line = lines.get(at);
    if (line !== undefined) {
      return line;
    }
  }
  return 0;
}

function parseYaml(text: string, environment: Environment): { readonly contents: Node; readonly reading: Reading } {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false, stringKeys: true });
  const lineAt = (offset: number) => lineCounter.linePos(offset).line;
  // One fault of syntax is followed by others that only puzzle.
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault !== undefined) {
    throw new ConfigFileError([{ path: "", line: lineAt(fault.pos[0]), message: describeFault(fault) }]);
  }
  if (document.contents === null) {
    throw whole('is empty; it begins with "version: 1"');
  }
  const aliased = findAliased(document);
  return {
    contents: document.contents,
    reading: { aliased, environment, lineAt, violations: [], lines: new Map(), nodesLeft: mostNodes },
  };
}

/** What every alias stands for, in one walk; the library's own look-up walks the document for each alias. */
function findAliased(document: Document): Map<Alias, Node> {
  const anchors = new Map<string, Node>();
  const aliased = new Map<Alias, Node>();
  const remember = (_key: unknown, node: Node & { anchor?: string | undefined }) => {
    if (node.anchor !== undefined) {
      anchors.set(node.anchor, node);
    }
  };
  visit(document, {
    Value: remember,
    Alias(_key, alias) {
      const node = anchors.get(alias.source);
      if (node !== undefined) {
        aliased.set(alias, node);
      }
    },
  });
  return aliased;
}

function readContents(contents: Node, reading: Reading): unknown {
  try {
    return readShape({ node: contents, path: "", line: 1 }, configSchema, reading);
  } catch (error) {
    if (error instanceof TooManyNodesError) {
      throw whole(`holds more than ${mostNodes} values once its aliases are resolved`);
    }
    throw error;
  }
}

function describeFault(fault: YAMLError): string {
  switch (fault.code) {
    case "MULTIPLE_DOCS":
      return "a second document begins here; a file holds one";
    case "RESOURCE_EXHAUSTION":
      return "is nested too deeply";
    default:
      // Behind a colon the library quotes the file, where a secret may stand.
      return `is not YAML: ${fault.message.replace(/:\s.*$/s, "")}`;
  }
}

function whole(message: string): ConfigFileError {
  return new ConfigFileError([{ path: "", line: 0, message: `the file ${message}` }]);
}
