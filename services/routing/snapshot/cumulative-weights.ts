/** The sum of all weights up to and with each. */
export function toCumulativeWeights(entries: readonly { readonly weight: number }[]): number[] {
  let total = 0;
  return entries.map(({ weight }) => {
    total += weight;
    return total;
  });
}
