import { mapAtMost } from '../../base/map_at_most';

/**
 * `mapAtMost` over slices grouped by file, so that each file is read once and released when its slices are done.
 *
 * @param slices - In any order, which is also that of the results.
 * @param limit - Number of files processed at the same time.
 * @param run - Returns the results of a file's slices in the given order; if it throws, it has discarded its results.
 */
export async function mapByFile<T extends { file: string }, R>(
  slices: readonly T[],
  limit: number,
  run: (ofFile: T[]) => Promise<R[]>,
  discard?: (result: R) => void,
): Promise<R[]> {
  const places = new Map<string, number[]>();
  for (const [place, { file }] of slices.entries()) {
    const ofFile = places.get(file);
    if (ofFile) ofFile.push(place);
    else places.set(file, [place]);
  }
  const groups = [...places.values()];
  const made = await mapAtMost(
    groups,
    limit,
    (group) => run(group.map((place) => slices[place]!)),
    discard && ((ofFile) => ofFile.forEach(discard)),
  );
  const results = new Map<number, R>();
  groups.forEach((group, i) => group.forEach((place, j) => results.set(place, made[i]![j]!)));
  return slices.map((_, place) => results.get(place)!);
}
