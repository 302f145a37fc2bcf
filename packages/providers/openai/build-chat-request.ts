import { rewriteChatBody } from "#dialects";
import { PostRequest } from "../post-request.ts";
import type { ProviderCall, ProviderRequest } from "../provider.ts";
import type { OpenAiWireRow } from "./openai-wire-row.ts";

/** Where chat completions of one base URL are. */
interface ChatAddress {
  readonly origin: string;
  readonly path: string;
}

const maxRememberedAddresses = 512;
const addresses = new Map<string, ChatAddress>();

/**
 * The request for a call: the caller's bytes with only the model's name replaced and, for a stream, its usage asked for. Throws
 * a TypeError when the base URL is none, which is refused when it is configured.
 */
export function buildChatRequest(call: ProviderCall, row: OpenAiWireRow): ProviderRequest {
  const { origin, path } = toChatAddress(call.baseUrl ?? row.baseUrl ?? "");
  const includeUsage = call.stream && row.quirks?.sendsUsageUnasked !== true;
  return new PostRequest({
    origin,
    path,
    headers: toHeaders(call),
    body: rewriteChatBody(call.body, includeUsage ? { model: call.model, includeUsage } : { model: call.model }),
  });
}

function toHeaders({ headers: passedOn, secret, authConfig, stream }: ProviderCall): Record<string, string> {
  const headers: Record<string, string> = {
    "content-type": "application/json",
    accept: stream ? "text/event-stream" : "application/json",
    "accept-encoding": "identity",
  };
  for (const name in passedOn) {
    headers[name] = passedOn[name] ?? "";
  }
  // A line end after what was pasted is no part of it, and could not be sent.
  const key = secret.api_key?.trim();
  if (key) {
    headers.authorization = `Bearer ${key}`;
  }
  const organization = authConfig.organization?.trim();
  if (organization) {
    headers["openai-organization"] = organization;
  }
  const project = authConfig.project?.trim();
  if (project) {
    headers["openai-project"] = project;
  }
  return headers;
}

function toChatAddress(baseUrl: string): ChatAddress {
  const remembered = addresses.get(baseUrl);
  if (remembered !== undefined) {
    return remembered;
  }
  const url = new URL(baseUrl);
  if ((url.protocol !== "https:" && url.protocol !== "http:") || url.username !== "" || url.password !== "") {
    throw new TypeError("a base URL must be http or https and hold no credentials");
  }
  const folder = url.pathname.replace(/\/+$/, "");
  const path = folder.endsWith("/chat/completions") ? folder : `${folder}/chat/completions`;
  const address = { origin: url.origin, path: path + url.search };
  if (addresses.size >= maxRememberedAddresses) {
    addresses.clear();
  }
  addresses.set(baseUrl, address);
  return address;
}
