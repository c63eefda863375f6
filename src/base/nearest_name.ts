/** The known name that was probably meant; undefined if none is close. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  const distances = known.map((other) => editDistance(name.toLowerCase(), other.toLowerCase()));
  const smallest = Math.min(...distances);
  const nearest = known[distances.indexOf(smallest)];
  // a name of which half or more would change is another name
  return nearest !== undefined && smallest < Math.max(name.length, nearest.length) / 2 ? nearest : undefined;
}

/** No option has a longer name; a name from a file may be of any length. */
const LONGEST_NAME = 64;

/** Minimum number of character insertions, deletions and replacements that turn `b` into `a` (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, above[j]! + 1, row[j - 1]! + 1));
    }
  }
  return row[b.length]!;
}
