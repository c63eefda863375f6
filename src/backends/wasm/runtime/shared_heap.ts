import type { HostModule } from './host_module';

/** Whether other threads can access this heap. */
export const isShared = ({ asm: { memory } }: HostModule): boolean =>
  typeof SharedArrayBuffer === 'function' && memory.buffer instanceof SharedArrayBuffer;

/**
 * Runs `start`, which may start the host's WebAssembly backend, whose heap can then be shared by threads.
 *
 * The host's module defines a memory with a maximum, and whether such a memory is shared is one bit of the module,
 * which is set here. Engines without threads get the module unchanged.
 */
export async function withSharedHeap<T>(start: () => Promise<T>): Promise<T> {
  const { instantiate, instantiateStreaming } = WebAssembly;
  const shared = (source: BufferSource | WebAssembly.Module, imports?: WebAssembly.Imports) => {
    const asItIs = () => instantiate(source as BufferSource, imports);
    const module = source instanceof WebAssembly.Module ? undefined : sharedModule(source);
    // a device may be unable to reserve the whole memory at once
    return module === undefined ? asItIs() : instantiate(module, imports).catch(asItIs);
  };
  const streaming = async (response: Response | Promise<Response>, imports?: WebAssembly.Imports) =>
    shared(await (await response).arrayBuffer(), imports);
  Object.assign(WebAssembly, { instantiate: shared, instantiateStreaming: streaming });
  try {
    return await start();
  } finally {
    Object.assign(WebAssembly, { instantiate, instantiateStreaming });
  }
}

/** Number of the section of a module that defines its memory. */
const MEMORY_SECTION = 5;
/** Flags of a memory with a maximum, unshared and shared. */
const [LIMITED, LIMITED_AND_SHARED] = [1, 3];
/** A function that only the host's module has. */
const MARK = 'register_tensor';

/** The host's module with a shared heap; undefined for other modules, or if the engine does not support it. */
function sharedModule(source: BufferSource): Uint8Array<ArrayBuffer> | undefined {
  const bytes =
    source instanceof ArrayBuffer
      ? new Uint8Array(source)
      : new Uint8Array(source.buffer as ArrayBuffer, source.byteOffset, source.byteLength);
  for (let at = 8; at < bytes.length;) {
    const id = bytes[at]!;
    const [length, content] = unsignedAt(bytes, at + 1);
    if (id === MEMORY_SECTION) {
      const [count, flags] = unsignedAt(bytes, content);
      if (count !== 1 || bytes[flags] !== LIMITED) return undefined;
      if (!new TextDecoder('latin1').decode(bytes).includes(MARK)) return undefined;
      const changed = bytes.slice();
      changed[flags] = LIMITED_AND_SHARED;
      return WebAssembly.validate(changed) ? changed : undefined;
    }
    at = content + length;
  }
  return undefined;
}

/** The LEB128 number at a position, and the position after it. */
function unsignedAt(bytes: Uint8Array, at: number): [value: number, next: number] {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++] ?? 0;
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return [value, at];
  }
}
