/**
 * `Promise.all` over `run` with at most `limit` in progress, results in order. After a failure nothing new starts,
 * finished results are passed to `discard`, and the failure that is first in order is thrown.
 */
export async function mapAtMost<T, R>(
  items: readonly T[],
  limit: number,
  run: (item: T) => Promise<R>,
  discard: (result: R) => void = () => undefined,
): Promise<R[]> {
  const results = new Map<number, R>();
  const failures = new Map<number, unknown>();
  let next = 0;
  const worker = async () => {
    while (next < items.length && failures.size === 0) {
      const index = next++;
      try {
        results.set(index, await run(items[index]!));
      } catch (error) {
        failures.set(index, error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failures.size > 0) {
    results.forEach(discard);
    throw failures.get(Math.min(...failures.keys()));
  }
  return items.map((_, index) => results.get(index)!);
}
