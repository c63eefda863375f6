import type { Random } from '../../base/random';

/** Wants are sums of fractions: nearer than this they count as equal. */
const MARGIN = 1e-9;

/**
 * Deals items among subsets so that each label's items are divided as the subsets' shares say.
 *
 * The label with the fewest items left is dealt first, and each of its items goes to the subset that lacks most of that
 * label; among equals to the one that lacks most items, and among those by lot. Items without a label left are dealt
 * last, by size alone. Items are dealt in the order they come, so shuffle them for a draw; of two labels that are
 * equally rare the first is dealt first.
 *
 * The items of the label that is dealt first are divided within one of `share * items`.
 *
 * @param labels - `[items][labels]`, 0 or 1.
 * @param shares - Share of the items that each subset should get; their sum is 1.
 * @returns The subset of each item.
 * @see Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-label Data" (2011), algorithm 1.
 */
export function iterativeStratification(
  labels: readonly (readonly number[])[],
  shares: readonly number[],
  random: Random,
): number[] {
  const remaining = Array.from({ length: labels[0]?.length ?? 0 }, (_, label) =>
    labels.reduce((sum, item) => sum + item[label]!, 0),
  );
  // what each subset still wants: of each label, and of items in all
  const wanted = shares.map((share) => ({
    labels: remaining.map((count) => count * share),
    items: labels.length * share,
  }));
  const subsets = shares.map((_, subset) => subset);
  const dealt: (number | undefined)[] = labels.map(() => undefined);

  const deal = (item: number, label?: number) => {
    const lackLabel = label === undefined ? subsets : largest(subsets, (s) => wanted[s]!.labels[label]!);
    const lackItems = largest(lackLabel, (s) => wanted[s]!.items);
    const chosen =
      lackItems.length === 1 ? lackItems[0]! : lackItems[Math.floor(random() * lackItems.length)]!;
    dealt[item] = chosen;
    wanted[chosen]!.items -= 1;
    labels[item]!.forEach((value, l) => {
      wanted[chosen]!.labels[l]! -= value;
      remaining[l]! -= value;
    });
  };

  for (;;) {
    const rarest = remaining.reduce(
      (best, count, label) => (count > 0 && (best < 0 || count < remaining[best]!) ? label : best),
      -1,
    );
    if (rarest < 0) break;
    labels.forEach((item, i) => {
      if (dealt[i] === undefined && item[rarest] === 1) deal(i, rarest);
    });
  }
  labels.forEach((_, i) => {
    if (dealt[i] === undefined) deal(i);
  });
  return dealt as number[];
}

/** The subsets whose want is the largest. */
function largest(subsets: readonly number[], want: (subset: number) => number): number[] {
  const most = Math.max(...subsets.map(want));
  return subsets.filter((subset) => want(subset) >= most - MARGIN);
}
