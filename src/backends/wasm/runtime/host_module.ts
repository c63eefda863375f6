/** The internals of the host's WebAssembly backend that are used here. */
export interface HostModule {
  _malloc: (bytes: number) => number;
  _free: (address: number) => void;
  HEAPU8: Uint8Array;
  asm: { memory: WebAssembly.Memory };
}

/** The internals, or undefined if they differ from what is expected (as in the threaded build in browsers). */
export function hostModule(backend: unknown): HostModule | undefined {
  const wasm = (backend as { wasm?: Partial<HostModule> } | undefined)?.wasm;
  const memory = wasm?.asm?.memory;
  const asExpected =
    typeof wasm?._malloc === 'function' &&
    typeof wasm._free === 'function' &&
    memory instanceof WebAssembly.Memory &&
    memory.buffer === wasm.HEAPU8?.buffer;
  return asExpected ? (wasm as HostModule) : undefined;
}
