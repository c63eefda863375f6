import { breathe } from '../../base/breathe';
import { callback, integerFrom0, optional, resolveOptions, type Rules } from '../../base/options';

/**
 * Options of {@link prefetch}.
 *
 * @inline
 */
export interface PrefetchOptions<T = unknown> {
  /**
   * Items loaded, or being loaded, beyond the one in use; 0 loads each when asked for.
   * @defaultValue 1
   */
  ahead?: number;
  /** Frees an item that was loaded ahead and is not wanted any more. */
  dispose?: (item: T) => void;
}

const RULES = {
  ahead: optional(integerFrom0, 1),
  dispose: optional(callback),
} satisfies Rules<PrefetchOptions>;

/**
 * Yields what `load` gives for each key, in order, loading the next ones while the current one is in use.
 *
 * At most `ahead` items wait beside the one handed out. A load that fails throws when its turn comes, not before. What
 * is handed out belongs to the caller; leaving the loop early frees what waits.
 *
 * @example
 * ```ts
 * for await (const stack of prefetch(['ID_1', 'ID_2'], (patient) => study.load(patient), { dispose: disposeStack })) {
 *   console.log(stack.images.shape);
 *   disposeStack(stack);
 * }
 * ```
 */
export function prefetch<K, T>(
  keys: readonly K[],
  load: (key: K) => Promise<T>,
  options: PrefetchOptions<T> = {},
): AsyncGenerator<T, void, undefined> {
  // here and not in the generator, whose body would only run at the first item
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
      loading.catch(() => undefined); // thrown again when its turn comes
      waiting.push(loading);
    }
  };
  try {
    for (;;) {
      start(ahead + 1);
      const next = waiting.shift();
      if (next === undefined) return;
      const item = await next;
      await breathe(); // what walks over patients would freeze a page, where nothing that it waits for takes time
      yield item;
    }
  } finally {
    for (const result of await Promise.allSettled(waiting)) {
      if (result.status === 'fulfilled') dispose?.(result.value);
    }
  }
}
