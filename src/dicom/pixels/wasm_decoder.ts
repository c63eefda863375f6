/** Codecs that are compiled to WebAssembly. */
export type WasmCodec = 'jpeg-baseline' | 'jpeg-ls' | 'jpeg-2000';

/** A decoded image: samples of 8 bits, or of 16 in the machine's order. */
export interface DecodedSamples {
  columns: number;
  rows: number;
  components: number;
  bytes: Uint8Array;
}

/** What all three codecs have in common. */
interface Decoder {
  getEncodedBuffer(length: number): Uint8Array;
  getDecodedBuffer(): Uint8Array;
  getFrameInfo(): { width: number; height: number; componentCount: number };
  decode(): void;
  delete(): void;
}

interface Module {
  newDecoder(): Decoder;
  /** What is meant by something that was thrown. */
  reasonOf(error: unknown): string;
  /** What the codec has complained of since this was emptied. */
  log: string[];
}

/** A package's exports: decoders by name, and in one of them a text for the numbers it throws. */
type Exports = Record<string, new () => Decoder> & { getExceptionMessage?: (error: number) => string };
type Factory = (settings: Record<string, unknown>) => Promise<Exports>;

/** One build of a codec: WebAssembly, or the same compiled to JavaScript. */
type Load = () => Promise<{ default: unknown }>;

/** Each codec's builds, and its decoder's name in them. They are loaded when they are first needed. */
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
 * Whether this is a page or one of its workers. There the WebAssembly build looks for a file beside the page that no
 * bundler puts there, so that the other build is taken; in Node the file lies in the package.
 */
const isPage = () => 'document' in globalThis || 'WorkerGlobalScope' in globalThis;

const modules = new Map<WasmCodec, Promise<Module>>();

/**
 * Decodes a codestream with a WebAssembly codec.
 *
 * @throws Error with what the codec says, when it fails; its instance is given up then, since its memory cannot be
 * trusted any more, and the next call makes a new one.
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
    // a damaged image must not pass as a scan, and some damage is only printed
    if (log.length > 0) throw new Error('it complained');
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
      return exports.getExceptionMessage?.(error as number) ?? 'it gave up';
    } catch {
      return 'it gave up'; // a number that stands for nothing
    }
  };
  return { newDecoder: () => new exports[decoderName]!(), reasonOf, log };
}
