import { invalidFields } from "#rpc";

/** A page that a caller asks for, as every list request carries it. */
export interface PageRequest {
  readonly pageSize: number;
  readonly pageToken: string;
}

/** How many entries a page has at most: 100 unless the caller says, never more than 1000. */
export function toPageSize({ pageSize }: PageRequest): number {
  if (pageSize < 0) {
    throw invalidFields([{ field: "page_size", description: "must not be negative" }]);
  }
  return pageSize === 0 ? 100 : Math.min(pageSize, 1000);
}

/** The key after which the page begins; undefined for the first page. */
export function fromPageToken({ pageToken }: PageRequest): string | undefined {
  if (pageToken === "") {
    return undefined;
  }
  const text = Buffer.from(pageToken, "base64url").toString();
  if (!text.startsWith(tokenMark) || toToken(text.slice(tokenMark.length)) !== pageToken) {
    throw invalidFields([{ field: "page_token", description: "must be one that the page before gave" }]);
  }
  return text.slice(tokenMark.length);
}

/** Cuts what was read to the page, and names where the next one begins. One entry more than a page must have been read. */
export function cutPage<Entry>(
  entries: readonly Entry[],
  pageSize: number,
  toKey: (entry: Entry) => string,
): { readonly entries: Entry[]; readonly nextPageToken: string } {
  const page = entries.slice(0, pageSize);
  const last = page.at(-1);
  return { entries: page, nextPageToken: entries.length > pageSize && last !== undefined ? toToken(toKey(last)) : "" };
}

const tokenMark = "after:";

function toToken(key: string): string {
  return Buffer.from(`${tokenMark}${key}`).toString("base64url");
}
