import { hash } from "node:crypto";
import { invalidFields, type MessageCodec } from "#rpc";
import type { WriteTransaction } from "./write-transaction.ts";

interface CreateRequestRow {
  method: string;
  request_id: string;
  fingerprint: Buffer;
  response: Buffer;
  created_at: Date;
}

/** What makes a write repeatable: the id that the caller gave it, and what it asked for. */
export interface CreateRequest<Response> {
  readonly method: string;
  /** Empty: the write is not idempotent. */
  readonly requestId: string;
  /**
   * The request's bytes without `request_id`, and with fingerprints for secret values: their hash is stored. It may throw for
   * what the rules of the write refuse, since a number that is too large for its field has no bytes.
   */
  readonly toContent: () => Uint8Array;
  readonly response: MessageCodec<Response>;
}

/**
 * Runs a write once: a second one with the same id and content gets the first one's response and writes nothing. The same
 * id with other content is an INVALID_ARGUMENT that names `request_id`. Ids are kept for 7 days.
 */
export async function runOnce<Response>(
  transaction: WriteTransaction,
  request: CreateRequest<Response>,
  write: () => Promise<Response>,
): Promise<Response> {
  if (request.requestId === "") {
    return await write();
  }
  if (request.requestId.length > maxRequestIdLength) {
    throw invalidFields([{ field: "request_id", description: `must have at most ${maxRequestIdLength} characters` }]);
  }
  const { queries, at } = transaction;
  const key = { method: request.method, request_id: request.requestId };
  const earlier = await queries<CreateRequestRow>("create_requests").where(key).first();
  if (earlier !== undefined) {
    if (!hasContent(request, earlier.fingerprint)) {
      throw invalidFields([
        { field: "request_id", description: "was used before, for a request with other content; use a new one" },
      ]);
    }
    return request.response.decode(earlier.response);
  }
  const response = await write();
  await queries("create_requests")
    .where("created_at", "<", new Date(at.getTime() - keptMs))
    .delete();
  await queries("create_requests").insert({
    ...key,
    fingerprint: toFingerprint(request.toContent()),
    response: Buffer.from(request.response.encode(response).finish()),
    created_at: at,
  });
  return response;
}

function hasContent({ toContent }: CreateRequest<unknown>, fingerprint: Buffer): boolean {
  try {
    return toFingerprint(toContent()).equals(fingerprint);
  } catch {
    // What has no bytes was never written.
    return false;
  }
}

function toFingerprint(content: Uint8Array): Buffer {
  return hash("sha256", content, "buffer");
}

const maxRequestIdLength = 128;
const keptMs = 7 * 24 * 60 * 60 * 1000;
