const EVENTS = ['uncaughtException', 'unhandledRejection'] as const;

type Handler = (...args: unknown[]) => void;

/**
 * Runs what loads code that Emscripten made, and takes away the handlers that this puts on the process: they throw
 * again what nobody caught, and Node then shows a line of the loaded code, in place of the one that went wrong, before
 * the error. Handlers that others add meanwhile stay.
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
