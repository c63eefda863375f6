/** The inside of the host's WebAssembly backend, as far as we lean on it. */
export interface HostModule {
  _malloc: (bytes: number) => number;
  _free: (address: number) => void;
  HEAPU8: Uint8Array;
  asm: { memory: WebAssembly.Memory };
}

/** That inside, or undefined where it does not look as expected (as in its threaded build in browsers). */
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
