import type { Exchange, ExchangeHandler, ProviderRequest, Transport, TransportFailure } from "#providers";

/** What is seen and done of one exchange by whoever plays the provider. */
export class FakeExchange implements Exchange {
  readonly request: ProviderRequest;
  readonly handler: ExchangeHandler;
  isAborted = false;
  isPaused = false;

  constructor(request: ProviderRequest, handler: ExchangeHandler) {
    this.request = request;
    this.handler = handler;
  }

  /** The model that was asked. */
  get model(): string {
    return (JSON.parse(this.request.body.toString()) as { model: string }).model;
  }

  head(status: number, headers: Readonly<Record<string, string>> = {}): this {
    this.handler.onConnected();
    this.handler.onHead(status, { "content-type": "application/json", ...headers });
    return this;
  }

  data(text: string): this {
    if (!this.isAborted) {
      this.handler.onData(Buffer.from(text));
    }
    return this;
  }

  end(): this {
    if (!this.isAborted) {
      this.handler.onEnd();
    }
    return this;
  }

  fail(failure: TransportFailure): this {
    if (!this.isAborted) {
      this.handler.onFailure(failure, true);
    }
    return this;
  }

  abort(): void {
    this.isAborted = true;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }
}

/** What a provider does with one request; called in a turn of its own. */
export type Play = (exchange: FakeExchange) => void;

/** A transport in which each request is played by the next script, or by the last one for ever. */
export class FakeTransport implements Transport {
  readonly exchanges: FakeExchange[] = [];
  readonly #plays: Play[];

  constructor(...plays: readonly Play[]) {
    this.#plays = [...plays];
  }

  /** The models that were asked, in order. */
  get models(): string[] {
    return this.exchanges.map(({ model }) => model);
  }

  start(request: ProviderRequest, _connectTimeoutMs: number, handler: ExchangeHandler): Exchange {
    const exchange = new FakeExchange(request, handler);
    this.exchanges.push(exchange);
    const play = this.#plays.length > 1 ? this.#plays.shift() : this.#plays[0];
    setImmediate(() => {
      if (!exchange.isAborted) {
        play?.(exchange);
      }
    });
    return exchange;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Answers with this text. */
export function answers(text = "hello"): Play {
  return (exchange) => {
    const usage = { inputTokens: 5, outputTokens: 2 };
    exchange
      .head(200)
      .data(JSON.stringify({ text, usage, model: `${exchange.model}-0001` }))
      .end();
  };
}

/** Answers with these members, of which the fake provider knows `error` and `retryAfterMs`. */
export function answersWith(members: Readonly<Record<string, unknown>>): Play {
  return (exchange) => void exchange.head(200).data(JSON.stringify(members)).end();
}

/** Answers with an error status. */
export function refuses(status: number, headers: Readonly<Record<string, string>> = {}): Play {
  return (exchange) => void exchange.head(status, headers).data(`refused by ${exchange.model}`).end();
}

/** Fails below HTTP. */
export function breaks(failure: TransportFailure): Play {
  return (exchange) => void exchange.fail(failure);
}

/** Takes the request and never says a word. */
export const hangs: Play = (exchange) => exchange.handler.onConnected();

/** Streams these pieces, each in a turn of its own, and then ends. */
export function streams(...pieces: readonly string[]): Play {
  return (exchange) => {
    exchange.head(200, { "content-type": "text/event-stream" });
    for (const piece of pieces) {
      exchange.data(piece);
    }
    exchange.end();
  };
}
