import type { configV1 } from "#contracts";
import { type Noun, nouns, type StoredConfig } from "./stored-config.ts";

/** One apply: what is wanted, what is stored, and what goes because the document no longer names it. */
export interface ApplyScope {
  readonly document: configV1.ConfigDocument;
  readonly stored: StoredConfig;
  readonly source: string;
  /** Names of what is deleted; all of it belongs to the source. */
  readonly gone: Readonly<Record<Noun, ReadonlySet<string>>>;
}

/** Works out what a document means for what is stored. With `prune`, what its source owns and it does not name goes. */
export function createApplyScope(
  { document, source, prune }: { document: configV1.ConfigDocument; source: string; prune: boolean },
  stored: StoredConfig,
): ApplyScope {
  const gone = Object.fromEntries(
    nouns.map((noun) => {
      const named = new Set(document[noun].map(({ name }) => name));
      const owned = [...stored[noun]].filter(([, thing]) => thing.source === source).map(([name]) => name);
      return [noun, new Set(prune ? owned.filter((name) => !named.has(name)) : [])];
    }),
  ) as unknown as ApplyScope["gone"];
  return { document, stored, source, gone };
}

/** The names of a kind that will exist once the document is applied. */
export function namesAfter({ document, stored, gone }: ApplyScope, noun: Noun): Set<string> {
  const kept = [...stored[noun].keys()].filter((name) => !gone[noun].has(name));
  return new Set([...document[noun].map(({ name }) => name), ...kept]);
}
