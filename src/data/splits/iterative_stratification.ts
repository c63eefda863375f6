import type { Random } from '../../base/random';

/** Wanted numbers are sums of fractions: they count as equal if they differ by less than this. */
const MARGIN = 1e-9;

/**
 * Distributes items over subsets so that the items of each label are divided according to the subsets' shares.
 *
 * The label with the fewest remaining items comes first, and each of its items goes to the subset that lacks most of
 * that label; of several such subsets to the one that lacks most items, and of several of those to a random one. Items
 * without remaining labels come last, distributed by size alone. Items are taken in the given order, so shuffle them for
 * a random draw; of two equally rare labels the first one is taken first.
 *
 * For the first label, the number of items in a subset differs from `share * items` by less than one.
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
  // how many items each subset still lacks, per label and in total
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

/** The subsets that lack most. */
function largest(subsets: readonly number[], want: (subset: number) => number): number[] {
  const most = Math.max(...subsets.map(want));
  return subsets.filter((subset) => want(subset) >= most - MARGIN);
}
