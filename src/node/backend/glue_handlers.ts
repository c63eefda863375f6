const EVENTS = ['uncaughtException', 'unhandledRejection'] as const;

type Handler = (...args: unknown[]) => void;

/**
 * Runs `load`, which loads code compiled by Emscripten, and removes the handlers that this adds to the process: they
 * rethrow uncaught errors, so that Node shows a line of the loaded code instead of the one that failed. Other handlers
 * are kept.
 */
export async function withoutGlueHandlers<T>(load: () => Promise<T>): Promise<T> {
  const handlersOf = (event: (typeof EVENTS)[number]) => process.listeners(event as 'uncaughtException');
  const before = EVENTS.map((event) => new Set(handlersOf(event)));
  try {
    return await load();
  } finally {
    EVENTS.forEach((event, i) => {
      for (const handler of handlersOf(event)) {
        if (before[i]!.has(handler) || !isGlue(handler as Handler)) continue;
        process.removeListener(event, handler as Handler);
      }
    });
  }
}

/**
 * `function (ex) { if (!(ex instanceof ExitStatus)) throw ex }` and `function (reason) { throw reason }`, minified or
 * not.
 */
const isGlue = (handler: Handler): boolean =>
  /^function\s*\((\w+)\)\s*\{\s*(if\s*\(!\(\1 instanceof ExitStatus\)\)\s*\{?\s*)?throw \1;?\s*\}?\s*\}$/.test(
    String(handler),
  );
