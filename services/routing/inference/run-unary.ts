import type { inferenceV1 } from "#contracts";
import { rewriteAnswerModel } from "#dialects";
import { type CallContext, cancelledError, type RpcError } from "#rpc";
import type { ChainEnd } from "../attempts/chain-end.ts";
import type { ChainRequest } from "../attempts/chain-request.ts";
import { type ChainListener, ChainRun } from "../attempts/chain-run.ts";
import { judgeExhaustion, judgeGatewayFault } from "../attempts/judge-exhaustion.ts";
import type { PlannedCall } from "../attempts/planned-call.ts";
import { toTrail } from "../attempts/trail.ts";
import { UnaryAttempt } from "../attempts/unary-attempt.ts";
import { reportRequest } from "../events.ts";
import type { ActiveCall } from "./active-calls.ts";
import { CallerSignal } from "./caller-signal.ts";
import { echoedModel } from "./echoed-model.ts";
import type { InferenceHost } from "./inference-host.ts";

/** A unary answer and what it went through. */
export interface UnaryAnswer {
  /** OpenAI chat completion JSON. */
  readonly body: Buffer;
  readonly trail: inferenceV1.RouteTrail;
}

/** Runs a request whose answer is one body. Rejects with `RpcError`. */
export function runUnary(
  host: InferenceHost,
  request: ChainRequest,
  context: CallContext | undefined,
): Promise<UnaryAnswer> {
  return new Promise((resolve, reject) => {
    new UnaryCall(host, request, { resolve, reject }).start(context);
  });
}

interface Settle {
  readonly resolve: (answer: UnaryAnswer) => void;
  readonly reject: (error: unknown) => void;
}

class UnaryCall implements ChainListener<UnaryAttempt>, ActiveCall {
  openIndex = -1;
  readonly #host: InferenceHost;
  readonly #settle: Settle;
  readonly #run: ChainRun<UnaryAttempt>;
  #signal: CallerSignal | undefined;
  #stopError: RpcError | undefined;

  constructor(host: InferenceHost, request: ChainRequest, settle: Settle) {
    this.#host = host;
    this.#settle = settle;
    this.#run = new ChainRun(host.intake.engine, request, this);
  }

  start(context: CallContext | undefined): void {
    this.#host.activeCalls.add(this);
    if (context?.signal !== undefined) {
      this.#signal = new CallerSignal(context, this.#host.intake.engine.clock, this.#run);
    }
    if (this.#signal?.isAborted) {
      this.#run.cancel();
    } else {
      this.#run.start();
    }
  }

  stop(error: RpcError): void {
    this.#stopError = error;
    this.#run.cancel();
  }

  createAttempt(run: ChainRun<UnaryAttempt>, attempt: PlannedCall, number: number): UnaryAttempt {
    return new UnaryAttempt(run, attempt, number);
  }

  onEnd(run: ChainRun<UnaryAttempt>, end: ChainEnd<UnaryAttempt>): void {
    this.#signal?.close();
    this.#host.activeCalls.delete(this);
    try {
      reportRequest(this.#host.requestLog, run, end);
      this.#answer(run, end);
    } catch (thrown) {
      // Whatever is wrong, the caller must not wait for ever.
      this.#settle.reject(thrown);
      run.report({ error: thrown }, "an answer failed by a fault of the gateway");
    }
  }

  #answer(run: ChainRun<UnaryAttempt>, end: ChainEnd<UnaryAttempt>): void {
    const nowMs = run.clock.monotonicMs();
    const trail = toTrail(run.request, run.attempts, nowMs);
    if (end.kind === "served") {
      const { answer } = end.attempt;
      const model = echoedModel(run.request.endpoint);
      this.#settle.resolve({ body: model === undefined ? answer : rewriteAnswerModel(answer, model), trail });
    } else if (end.kind === "exhausted") {
      this.#settle.reject(
        judgeExhaustion({
          endpoint: run.request.endpoint.name,
          attempts: run.attempts,
          trail,
          isPastDeadline: end.isPastDeadline,
          nowMs,
        }),
      );
    } else if (end.kind === "faulty") {
      this.#settle.reject(judgeGatewayFault({ endpoint: run.request.endpoint.name, trail }));
    } else {
      this.#settle.reject(this.#stopError ?? cancelledError());
    }
  }
}
