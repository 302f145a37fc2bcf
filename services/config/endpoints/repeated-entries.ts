/** Indexes of the entries whose key an earlier entry has too; an entry without a key repeats none. */
export function repeatedEntries<Entry>(
  entries: readonly Entry[],
  toKey: (entry: Entry) => string | undefined,
): number[] {
  const seen = new Set<string>();
  return entries.flatMap((entry, index) => {
    const key = toKey(entry);
    if (key === undefined) {
      return [];
    }
    const isRepeated = seen.has(key);
    seen.add(key);
    return isRepeated ? [index] : [];
  });
}
