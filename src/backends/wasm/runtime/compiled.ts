import { PARAMETERS } from '../generated/signatures';

/** A kernel of `assembly/`. */
export type KernelName = keyof typeof PARAMETERS;

/** Names of a kernel's parameters, in order. */
export type ParametersOf<Kernel extends KernelName> = (typeof PARAMETERS)[Kernel];

/** Arguments by name: addresses and sizes, two of which nobody could tell apart by place. */
type Named<Parameters extends readonly string[]> = Readonly<Record<Parameters[number], number>>;

/** The kernels of `assembly/`, called with named arguments. */
export type CompiledKernels = {
  readonly [Kernel in KernelName]: (args: Named<ParametersOf<Kernel>>) => number;
};

/** Arguments of a kernel that is run unit by unit, beside the unit and the memory it works in. */
export type UnitArgs<Kernel extends KernelName> =
  ParametersOf<Kernel> extends readonly [string, string, ...infer Rest extends string[]]
    ? Named<Rest>
    : never;

/** The kernels as WebAssembly exports them: arguments by place. */
export type RawKernels = Readonly<Record<string, (...args: number[]) => number>>;

/** The same kernels compiled for two kinds of engines, as base64. */
export interface KernelBinaries {
  /** For every engine with vector instructions. */
  base: string;
  /** With fused multiply-add (relaxed SIMD), up to half as fast again. */
  fma: string;
}

/**
 * The better of the two that this engine takes.
 *
 * @returns Undefined where the engine takes neither, or does not compile as much at once.
 */
export function compileKernels({ base, fma }: KernelBinaries): WebAssembly.Module | undefined {
  for (const text of [fma, base]) {
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    if (!WebAssembly.validate(bytes)) continue;
    try {
      return new WebAssembly.Module(bytes);
    } catch {
      return undefined; // some browsers refuse to compile on the main thread
    }
  }
  return undefined;
}

/** The kernels, working on `memory`. */
export function instantiateKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): RawKernels {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as RawKernels;
}

/** The same, taking their arguments by name. */
export function namedKernels(raw: RawKernels): CompiledKernels {
  const names = Object.keys(PARAMETERS) as KernelName[];
  const byName = (name: KernelName) => (args: Readonly<Record<string, number>>) =>
    raw[name]!(...PARAMETERS[name].map((parameter) => args[parameter]!));
  return Object.fromEntries(names.map((name) => [name, byName(name)])) as unknown as CompiledKernels;
}

/** Arguments of a kernel that is run unit by unit, in order. */
export function inOrder<Kernel extends KernelName>(kernel: Kernel, args: UnitArgs<Kernel>): number[] {
  const values = args as Readonly<Record<string, number>>;
  return PARAMETERS[kernel].slice(2).map((parameter) => values[parameter]!);
}
