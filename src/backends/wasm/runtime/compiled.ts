import { PARAMETERS } from '../generated/signatures';

/** A kernel of `assembly/`. */
export type KernelName = keyof typeof PARAMETERS;

/** Names of a kernel's parameters, in order. */
export type ParametersOf<Kernel extends KernelName> = (typeof PARAMETERS)[Kernel];

/** Arguments by name: addresses and sizes, which would be easy to confuse by position. */
type Named<Parameters extends readonly string[]> = Readonly<Record<Parameters[number], number>>;

/** The kernels of `assembly/`, called with named arguments. */
export type CompiledKernels = {
  readonly [Kernel in KernelName]: (args: Named<ParametersOf<Kernel>>) => number;
};

/** Arguments of a kernel that runs in units, besides the unit and the scratch memory. */
export type UnitArgs<Kernel extends KernelName> =
  ParametersOf<Kernel> extends readonly [string, string, ...infer Rest extends string[]]
    ? Named<Rest>
    : never;

/** The kernels exported by WebAssembly, with positional arguments. */
export type RawKernels = Readonly<Record<string, (...args: number[]) => number>>;

/** The kernels compiled for two kinds of engines, as base64. */
export interface KernelBinaries {
  /** For every engine with SIMD. */
  base: string;
  /** With fused multiply-add (relaxed SIMD), up to 1.5 times as fast. */
  fma: string;
}

/**
 * Compiles the better of the two that this engine supports.
 *
 * @returns Undefined if the engine supports neither, or refuses synchronous compilation.
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

/** The kernels with named arguments. */
export function namedKernels(raw: RawKernels): CompiledKernels {
  const names = Object.keys(PARAMETERS) as KernelName[];
  const byName = (name: KernelName) => (args: Readonly<Record<string, number>>) =>
    raw[name]!(...PARAMETERS[name].map((parameter) => args[parameter]!));
  return Object.fromEntries(names.map((name) => [name, byName(name)])) as unknown as CompiledKernels;
}

/** Arguments of a kernel that runs in units, in order. */
export function inOrder<Kernel extends KernelName>(kernel: Kernel, args: UnitArgs<Kernel>): number[] {
  const values = args as Readonly<Record<string, number>>;
  return PARAMETERS[kernel].slice(2).map((parameter) => values[parameter]!);
}
