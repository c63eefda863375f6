import { breathe } from '../../base/breathe';
import { callback, integerFrom0, optional, resolveOptions, type Rules } from '../../base/options';

/**
 * Options of {@link prefetch}.
 *
 * @inline
 */
export interface PrefetchOptions<T = unknown> {
  /**
   * Items loaded in advance, besides the one in use; 0 loads each when it is requested.
   * @defaultValue 1
   */
  ahead?: number;
  /** Frees an item that was loaded in advance and is no longer needed. */
  dispose?: (item: T) => void;
}

const RULES = {
  ahead: optional(integerFrom0, 1),
  dispose: optional(callback),
} satisfies Rules<PrefetchOptions>;

/**
 * Yields the result of `load` for each key, in order, loading the next ones while the current one is in use.
 *
 * If a load fails, its error is thrown in its turn, not before. The caller owns each item; leaving the loop early
 * disposes those loaded in advance.
 */
export function prefetch<K, T>(
  keys: readonly K[],
  load: (key: K) => Promise<T>,
  options: PrefetchOptions<T> = {},
): AsyncGenerator<T, void, undefined> {
  // not in the generator, which only runs when the first item is requested
  const { ahead, dispose } = resolveOptions('prefetch', options, RULES);
  return loadAhead([...keys], load, ahead, dispose);
}

async function* loadAhead<K, T>(
  keys: readonly K[],
  load: (key: K) => Promise<T>,
  ahead: number,
  dispose: ((item: T) => void) | undefined,
): AsyncGenerator<T, void, undefined> {
  const waiting: Promise<T>[] = [];
  let started = 0;
  const start = (limit: number) => {
    while (waiting.length < limit && started < keys.length) {
      const key = keys[started++]!;
      const loading = (async () => load(key))();
      loading.catch(() => undefined); // thrown again in its turn
      waiting.push(loading);
    }
  };
  try {
    for (;;) {
      start(ahead + 1);
      const next = waiting.shift();
      if (next === undefined) return;
      const item = await next;
      await breathe(); // otherwise a page would freeze if no load takes time
      yield item;
    }
  } finally {
    for (const result of await Promise.allSettled(waiting)) {
      if (result.status === 'fulfilled') dispose?.(result.value);
    }
  }
}
