/** Codecs compiled to WebAssembly. */
export type WasmCodec = 'jpeg-baseline' | 'jpeg-ls' | 'jpeg-2000';

/** A decoded image, with samples of 8 bits, or of 16 bits in native byte order. */
export interface DecodedSamples {
  columns: number;
  rows: number;
  components: number;
  bytes: Uint8Array;
}

/** Common interface of the three codecs. */
interface Decoder {
  getEncodedBuffer(length: number): Uint8Array;
  getDecodedBuffer(): Uint8Array;
  getFrameInfo(): { width: number; height: number; componentCount: number };
  decode(): void;
  delete(): void;
}

interface Module {
  newDecoder(): Decoder;
  /** Message of a value that was thrown. */
  reasonOf(error: unknown): string;
  /** Messages that the codec has printed since this was emptied. */
  log: string[];
}

/** A package's exports: decoders by name; one package also translates the numbers that it throws. */
type Exports = Record<string, new () => Decoder> & { getExceptionMessage?: (error: number) => string };
type Factory = (settings: Record<string, unknown>) => Promise<Exports>;

/** One build of a codec: WebAssembly, or the same compiled to JavaScript. */
type Load = () => Promise<{ default: unknown }>;

/** Each codec's builds, and the name of its decoder. They are loaded on demand. */
const PACKAGES: Record<WasmCodec, { wasm: Load; script: Load; decoder: string }> = {
  'jpeg-baseline': {
    wasm: () => import('@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs'),
    script: () => import('@cornerstonejs/codec-libjpeg-turbo-8bit/decode'),
    decoder: 'JPEGDecoder',
  },
  'jpeg-ls': {
    wasm: () => import('@cornerstonejs/codec-charls/decodewasmjs'),
    script: () => import('@cornerstonejs/codec-charls/decode'),
    decoder: 'JpegLSDecoder',
  },
  'jpeg-2000': {
    wasm: () => import('@cornerstonejs/codec-openjpeg/decodewasmjs'),
    script: () => import('@cornerstonejs/codec-openjpeg/decode'),
    decoder: 'J2KDecoder',
  },
};

/**
 * Whether this is a page or a worker. There the WebAssembly build expects a file beside the page, where bundlers do not
 * put it, so that the other build is used; in Node the file is in the package.
 */
const isPage = () => 'document' in globalThis || 'WorkerGlobalScope' in globalThis;

const modules = new Map<WasmCodec, Promise<Module>>();

/**
 * Decodes a codestream with a WebAssembly codec.
 *
 * @throws Error with the codec's message if it fails; the instance is then discarded, since its memory may be
 * corrupted, and the next call creates a new one.
 */
export async function decodeWithWasm(codec: WasmCodec, codestream: Uint8Array): Promise<DecodedSamples> {
  const loading = modules.get(codec) ?? instantiate(codec);
  modules.set(codec, loading);
  const { newDecoder, reasonOf, log } = await loading;
  log.length = 0;
  try {
    const decoder = newDecoder();
    decoder.getEncodedBuffer(codestream.length).set(codestream);
    decoder.decode();
    // some damage is only printed, but must be an error
    if (log.length > 0) throw new Error('the codec reported a problem');
    const { width, height, componentCount } = decoder.getFrameInfo();
    const bytes = decoder.getDecodedBuffer().slice();
    decoder.delete();
    return { columns: width, rows: height, components: componentCount, bytes };
  } catch (error) {
    const reason = [reasonOf(error), ...log].join('; ');
    if (modules.get(codec) === loading) modules.delete(codec);
    throw new Error(reason, { cause: error });
  }
}

async function instantiate(codec: WasmCodec): Promise<Module> {
  const { wasm, script, decoder: decoderName } = PACKAGES[codec];
  const load = isPage() ? script : wasm;
  const log: string[] = [];
  const note = (line: unknown) => {
    const text = String(line).trim();
    if (!text.startsWith('[INFO]') && log.length < 10) log.push(text);
  };
  const factory = (await load()).default as Factory;
  const exports = await factory({ print: note, printErr: note });
  const reasonOf = (error: unknown): string => {
    if (error instanceof Error) return error.message;
    try {
      return exports.getExceptionMessage?.(error as number) ?? 'the codec failed';
    } catch {
      return 'the codec failed'; // an unknown number
    }
  };
  return { newDecoder: () => new exports[decoderName]!(), reasonOf, log };
}
