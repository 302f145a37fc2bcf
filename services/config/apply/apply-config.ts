import { configV1 } from "#contracts";
import { invalidFields } from "#rpc";
import type { KeyEncryptionKey } from "#secrets";
import { type ConfigStore, runOnce, type WriteTransaction } from "../store/index.ts";
import type { UpstreamPlaces } from "../upstreams/base-url-rules.ts";
import { refuseViolations } from "../violations.ts";
import { refuseDeletingWhatIsUsed, refuseOwnedByOthers, refuseUnlessEmpty } from "./apply-preconditions.ts";
import { type ApplyScope, createApplyScope } from "./apply-scope.ts";
import { documentViolations, documentWarnings } from "./document-violations.ts";
import { requestContent } from "./request-content.ts";
import { loadStoredConfig } from "./stored-config.ts";
import { writeDocument } from "./write-document.ts";

/** What an apply works on. */
export interface ApplyConfigPlace extends UpstreamPlaces {
  readonly store: ConfigStore;
  readonly keyEncryptionKey: KeyEncryptionKey;
}

/**
 * Makes the configuration of one source what a document says, in one transaction. Applies go one after the other.
 *
 * Throws INVALID_ARGUMENT with every violation, by its path in the document; FAILED_PRECONDITION when another source owns
 * a name (`OWNED_BY_ANOTHER_SOURCE`), when another source uses what would be deleted (`RESOURCE_IN_USE`), and, with
 * `only_if_empty`, when anything is stored (`RESOURCE_ALREADY_EXISTS`). Whatever it throws, nothing was written.
 */
export async function applyConfig(
  { store, keyEncryptionKey, allowPrivateUpstreams }: ApplyConfigPlace,
  request: configV1.ApplyConfigRequest,
): Promise<configV1.ApplyConfigResponse> {
  const { document, source, prune, onlyIfEmpty, validateOnly } = request;
  if (document === undefined) {
    throw invalidFields([{ field: "document", description: "must be set" }]);
  }
  refuseViolations(sourceViolations(source));
  const { value } = await store.inWriteTransaction({ source, dryRun: validateOnly }, (transaction) => {
    const once = {
      method: "ApplyConfig",
      // What only checks makes nothing that could be made twice.
      requestId: validateOnly ? "" : request.requestId,
      toContent: () => requestContent(request, keyEncryptionKey),
      response: configV1.ApplyConfigResponse,
    };
    return runOnce(transaction, once, async () => {
      const stored = await loadStoredConfig(transaction.queries);
      if (onlyIfEmpty) {
        refuseUnlessEmpty(stored);
      }
      const scope = createApplyScope({ document, source, prune }, stored);
      refuseViolations(documentViolations(scope, { allowPrivateUpstreams }));
      refuseOwnedByOthers(scope);
      refuseDeletingWhatIsUsed(scope);
      await writeDocument(transaction, scope, keyEncryptionKey);
      return toResponse(transaction, scope, validateOnly);
    });
  });
  return value;
}

function toResponse(
  { changes, revision }: WriteTransaction,
  scope: ApplyScope,
  validateOnly: boolean,
): configV1.ApplyConfigResponse {
  return {
    revision: validateOnly || changes.length === 0 ? revision - 1n : revision,
    changes: changes.map(({ kind, resourceType, name, fields }) => ({ kind, resourceType, name, fields: [...fields] })),
    warnings: documentWarnings(scope),
  };
}

function sourceViolations(source: string) {
  return source === "api" || /^file:[^\s\p{Cc}][^\p{Cc}]{0,254}$/u.test(source)
    ? []
    : [{ field: "source", description: "must be api, or file: and the name of a document, e.g. file:spillway" }];
}
