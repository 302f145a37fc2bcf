/** What an expression may read of the caller, as `caller`. */
export class CallerFacts {
  /** Name of the API key; empty where none is needed. */
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;

  constructor(name: string, tags: Readonly<Record<string, string>> = {}) {
    this.name = name;
    this.tags = tags;
  }
}

/** What is known of a body once it was parsed. Token counts are whole numbers. */
export interface BodyFacts {
  readonly estimatedInputTokens: number;
  /** 0 when the request sets none. */
  readonly maxTokens: number;
  readonly hasTools: boolean;
  readonly hasImages: boolean;
  readonly wantsJsonSchema: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  /** The parsed body. */
  readonly value: unknown;
}

/** Everything that `RequestFacts` is made of. */
export interface RequestFactsInit {
  readonly endpoint: string;
  readonly dialect: string;
  readonly stream: boolean;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parses the body; called at most once, and only when something that the body tells is read. */
  readonly readBody: () => BodyFacts;
}

/** What an expression may read of a request, as `request`. The names are those of the expression language. */
export class RequestFacts {
  readonly endpoint: string;
  readonly dialect: string;
  readonly stream: boolean;
  readonly #init: RequestFactsInit;
  #headers: ReadonlyMap<string, string> | undefined;
  #bodyFacts: BodyFacts | undefined;
  #body: { readonly value: unknown } | undefined;

  constructor(init: RequestFactsInit) {
    this.endpoint = init.endpoint;
    this.dialect = init.dialect;
    this.stream = init.stream;
    this.#init = init;
  }

  /** What the body tells; parsed at the first call. */
  get bodyFacts(): BodyFacts {
    this.#bodyFacts ??= this.#init.readBody();
    return this.#bodyFacts;
  }

  get headers(): ReadonlyMap<string, string> {
    this.#headers ??= new Map(Object.entries(this.#init.headers));
    return this.#headers;
  }

  get estimated_input_tokens(): bigint {
    return BigInt(this.bodyFacts.estimatedInputTokens);
  }

  get max_tokens(): bigint {
    return BigInt(this.bodyFacts.maxTokens);
  }

  get has_tools(): boolean {
    return this.bodyFacts.hasTools;
  }

  get has_images(): boolean {
    return this.bodyFacts.hasImages;
  }

  get wants_json_schema(): boolean {
    return this.bodyFacts.wantsJsonSchema;
  }

  get metadata(): ReadonlyMap<string, string> {
    return new Map(Object.entries(this.bodyFacts.metadata));
  }

  get body(): unknown {
    this.#body ??= { value: toReadable(this.bodyFacts.value) };
    return this.#body.value;
  }
}

/**
 * The language tells what an object is by its `constructor`. Where a caller sends a member of that name, a map stands for the
 * object, or no expression could read it.
 */
function toReadable(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(toReadable);
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const entries = Object.entries(value).map(([name, member]) => [name, toReadable(member)] as const);
  return Object.hasOwn(value, "constructor") ? new Map(entries) : Object.fromEntries(entries);
}

/** What an expression is evaluated on. */
export interface ExpressionFacts {
  readonly request: RequestFacts;
  readonly caller: CallerFacts;
}
