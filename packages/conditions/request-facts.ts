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

/** Everything that `RequestFacts` is made of. Token counts are whole numbers. */
export interface RequestFactsInit {
  readonly endpoint: string;
  readonly dialect: string;
  readonly stream: boolean;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly estimatedInputTokens: number;
  /** 0 when the request sets none. */
  readonly maxTokens: number;
  readonly hasTools: boolean;
  readonly hasImages: boolean;
  readonly wantsJsonSchema: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  /** Parses the body; called at most once, and only when an expression reads `request.body`. */
  readonly readBody: () => unknown;
}

/** What an expression may read of a request, as `request`. The names are those of the expression language. */
export class RequestFacts {
  readonly endpoint: string;
  readonly dialect: string;
  readonly stream: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly estimated_input_tokens: bigint;
  readonly max_tokens: bigint;
  readonly has_tools: boolean;
  readonly has_images: boolean;
  readonly wants_json_schema: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #readBody: () => unknown;
  #body: { readonly value: unknown } | undefined;

  constructor(init: RequestFactsInit) {
    this.endpoint = init.endpoint;
    this.dialect = init.dialect;
    this.stream = init.stream;
    this.headers = init.headers;
    this.estimated_input_tokens = BigInt(Math.ceil(init.estimatedInputTokens));
    this.max_tokens = BigInt(Math.ceil(init.maxTokens));
    this.has_tools = init.hasTools;
    this.has_images = init.hasImages;
    this.wants_json_schema = init.wantsJsonSchema;
    this.metadata = init.metadata;
    this.#readBody = init.readBody;
  }

  /** The parsed body. */
  get body(): unknown {
    this.#body ??= { value: this.#readBody() };
    return this.#body.value;
  }
}

/** What an expression is evaluated on. */
export interface ExpressionFacts {
  readonly request: RequestFacts;
  readonly caller: CallerFacts;
}
