/** A compiled kernel: numbers in (addresses, sizes), a number or nothing out. */
export type CompiledKernel = (...args: number[]) => number;

/** The kernels of `assembly/`, by name. */
export type CompiledKernels = Readonly<Record<string, CompiledKernel>>;

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
export function instantiateKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): CompiledKernels {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as CompiledKernels;
}
