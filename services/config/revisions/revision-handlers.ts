import type { configV1 } from "#contracts";
import { invalidFields, type Service } from "#rpc";
import { cutPage, fromPageToken, toPageSize } from "../paging.ts";
import { type ConfigStore, listRevisions } from "../store/index.ts";

type RevisionMethods = Pick<Service<configV1.ConfigServiceDefinition>, "listRevisions">;

/** The method that lists what was written, newest first, as far back as the log of changes is kept. */
export function createRevisionHandlers(store: ConfigStore): RevisionMethods {
  return {
    listRevisions: async (request) => {
      const pageSize = toPageSize(request);
      const before = toRevision(fromPageToken(request));
      const found = await store.inReadTransaction((queries) => listRevisions(queries, { before, limit: pageSize + 1 }));
      const { entries, nextPageToken } = cutPage(found, pageSize, ({ revision }) => String(revision));
      return { revisions: entries, nextPageToken };
    },
  };
}

function toRevision(key: string | undefined): bigint | undefined {
  if (key !== undefined && !/^\d{1,18}$/.test(key)) {
    throw invalidFields([{ field: "page_token", description: "must be one that the page before gave" }]);
  }
  return key === undefined ? undefined : BigInt(key);
}
