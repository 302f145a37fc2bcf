import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { UpstreamRequest } from "./scripted-upstream.ts";
import type { CutKind, UpstreamStep } from "./upstream-steps.ts";

/** Does with one request what the step says. Ends early, without an error, when the client goes away. */
export async function playStep(step: UpstreamStep, request: UpstreamRequest, response: ServerResponse): Promise<void> {
  if (step.headDelayMs !== undefined) {
    await Promise.race([sleep(step.headDelayMs), gone(response)]);
  }
  if (step.hang === "before_head") {
    return;
  }
  if (step.drop !== undefined) {
    request.isAnswered = true;
    stop(response, step.drop);
    return;
  }
  if (step.raw !== undefined) {
    request.isAnswered = true;
    response.socket?.end(step.raw);
    return;
  }
  writeHead(step, response);
  if (step.hang === "after_head") {
    return;
  }
  const isWhole = await writeBody(step, request, response);
  if (!isWhole || step.hang === "after_body") {
    return;
  }
  if (step.repeat !== undefined) {
    await writeForEver(step.repeat, request, response);
    return;
  }
  if (!response.destroyed) {
    request.isAnswered = true;
    response.end();
  }
}

function writeHead(step: UpstreamStep, response: ServerResponse): void {
  response.sendDate = false;
  for (const [name, value] of Object.entries(step.headers ?? {})) {
    response.setHeader(name, value);
  }
  if (step.closeConnection === true) {
    response.setHeader("connection", "close");
  }
  response.writeHead(step.status ?? 200);
  response.flushHeaders();
}

/** True when all of the body was written and the answer goes on. */
async function writeBody(step: UpstreamStep, request: UpstreamRequest, response: ServerResponse): Promise<boolean> {
  const cutAt = step.cut?.afterBytes ?? Number.POSITIVE_INFINITY;
  let isFirst = true;
  for (const bytes of toWrites(step)) {
    if (!isFirst) {
      await (step.pieceGapMs === undefined ? nextTurn() : Promise.race([sleep(step.pieceGapMs), gone(response)]));
    }
    isFirst = false;
    const left = cutAt - request.writtenBytes;
    const isWritten = await write(left < bytes.length ? bytes.subarray(0, left) : bytes, request, response);
    if (!isWritten) {
      return false;
    }
    if (request.writtenBytes >= cutAt) {
      break;
    }
  }
  if (step.cut !== undefined) {
    await nextTurn();
    request.isAnswered = true;
    stop(response, step.cut.by);
    return false;
  }
  return true;
}

function* toWrites(step: UpstreamStep): Generator<Buffer> {
  for (const piece of step.body ?? []) {
    const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
    const size = step.splitBytes ?? Math.max(bytes.length, 1);
    for (let start = 0; start < bytes.length; start += size) {
      yield bytes.subarray(start, start + size);
    }
  }
}

async function writeForEver(
  repeat: NonNullable<UpstreamStep["repeat"]>,
  request: UpstreamRequest,
  response: ServerResponse,
): Promise<void> {
  const bytes = typeof repeat.piece === "string" ? Buffer.from(repeat.piece) : repeat.piece;
  while (await write(bytes, request, response)) {
    await (repeat.everyMs === 0 ? nextTurn() : Promise.race([sleep(repeat.everyMs), gone(response)]));
  }
}

/** Writes and waits until there is room for more; false when the client is gone. */
async function write(bytes: Buffer, request: UpstreamRequest, response: ServerResponse): Promise<boolean> {
  if (response.destroyed) {
    return false;
  }
  request.writtenBytes += bytes.length;
  if (bytes.length > 0 && !response.write(bytes)) {
    await Promise.race([once(response, "drain"), gone(response)]);
  }
  return !response.destroyed;
}

/** One listener for each answer, however often it is waited for. */
const departures = new WeakMap<ServerResponse, Promise<unknown>>();

function gone(response: ServerResponse): Promise<unknown> {
  if (response.destroyed) {
    return Promise.resolve();
  }
  let departure = departures.get(response);
  if (departure === undefined) {
    departure = new Promise((resolve) => response.once("close", resolve));
    departures.set(response, departure);
  }
  return departure;
}

function stop(response: ServerResponse, by: CutKind): void {
  switch (by) {
    case "end":
      response.end();
      break;
    case "close":
      response.socket?.destroySoon();
      break;
    case "reset":
      response.socket?.resetAndDestroy();
      break;
  }
}
