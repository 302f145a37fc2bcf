import { type Json, toJson } from "../failures/json-value.ts";
import type { CanonicalEvent } from "../provider.ts";
import { hasOutput } from "./chat-chunk.ts";
import { findErrorInside } from "./error-inside.ts";
import { readTokenUsage } from "./token-usage.ts";

const noReasons: readonly string[] = [];
const noBytes = Buffer.alloc(0);

// OpenAI allows 128.
const mostChoices = 1024;

/** Reads the parsed chunks of one stream, and remembers which choices are finished. */
export class ChunkReader {
  /** The text of the chunk read last when it was one choice's text delta and nothing else; undefined for other chunks. */
  plainText: string | undefined;
  readonly #addsReasoning: boolean;
  readonly #choiceCount: number;
  readonly #open = new Set<number>();
  readonly #finished = new Set<number>();
  #model: string | undefined;

  /** `choiceCount`: how many choices were asked for. One may begin when another is finished. */
  constructor({ addsReasoning, choiceCount }: { readonly addsReasoning: boolean; readonly choiceCount: number }) {
    this.#addsReasoning = addsReasoning;
    this.#choiceCount = choiceCount;
  }

  /** Whether every choice has its finish reason. */
  get isFinished(): boolean {
    return this.#finished.size >= this.#choiceCount && this.#open.size === 0;
  }

  /** Whether at least one choice is finished, and each that began. */
  get hasWholeChoices(): boolean {
    return this.#finished.size > 0 && this.#open.size === 0;
  }

  /** Whether it speaks of more choices than any caller can ask for. */
  get hasTooManyChoices(): boolean {
    return this.#finished.size + this.#open.size > mostChoices;
  }

  /** The event of a chunk that is like the last plain text chunk but for the text. */
  repeatText(bytes: Buffer): CanonicalEvent {
    return {
      bytes,
      isOutput: true,
      isFinished: this.isFinished,
      isDone: false,
      isUsageOnly: false,
      isKeepAlive: false,
      usage: undefined,
      model: this.#model,
      finishReasons: noReasons,
      failure: undefined,
    };
  }

  /** `isNamedError`: the event's name says that it is an error. */
  read(chunk: Json, bytes: Buffer, isNamedError: boolean): CanonicalEvent {
    const choices: readonly unknown[] = Array.isArray(chunk.choices) ? chunk.choices : [];
    const failure = findErrorInside(chunk, isNamedError);
    const { isOutput, finishReasons } = this.#readChoices(choices);
    const usage = readTokenUsage(chunk.usage ?? toJson(chunk.x_groq)?.usage, this.#addsReasoning);
    this.#model = isText(chunk.model) ? (chunk.model as string) : undefined;
    const isPlain = isOutput && choices.length === 1 && usage === undefined && finishReasons.length === 0;
    this.plainText = isPlain ? toText(toJson(toJson(choices[0])?.delta)?.content) : undefined;
    return {
      // What an error says is never passed on as it came.
      bytes: failure === undefined ? bytes : noBytes,
      isOutput,
      isFinished: this.isFinished,
      isDone: false,
      isUsageOnly: usage !== undefined && choices.length === 0,
      isKeepAlive: false,
      usage,
      model: this.#model,
      finishReasons,
      failure,
    };
  }

  #readChoices(choices: readonly unknown[]): Pick<CanonicalEvent, "isOutput" | "finishReasons"> {
    let isOutput = false;
    let finishReasons: string[] | undefined;
    for (const entry of choices) {
      const choice = toJson(entry);
      if (choice !== undefined) {
        isOutput ||= hasOutput(choice.delta ?? choice.message) || isText(choice.text);
        const reason = this.#readFinish(choice);
        if (reason !== undefined) {
          finishReasons ??= [];
          finishReasons.push(reason);
        }
      }
    }
    return { isOutput, finishReasons: finishReasons ?? noReasons };
  }

  #readFinish(choice: Json): string | undefined {
    const index = typeof choice.index === "number" ? choice.index : 0;
    if (isText(choice.finish_reason)) {
      this.#finished.add(index);
      this.#open.delete(index);
      return choice.finish_reason as string;
    }
    if (!this.#finished.has(index)) {
      this.#open.add(index);
    }
    return undefined;
  }
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function toText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
