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
  /** What the codec has complained of since this was emptied. */
  log: string[];
}

type Factory = (settings: Record<string, unknown>) => Promise<Record<string, new () => Decoder>>;

/** Each codec's package, and its decoder's name in it. The packages are loaded when they are first needed. */
const PACKAGES: Record<WasmCodec, [load: () => Promise<{ default: unknown }>, decoder: string]> = {
  'jpeg-baseline': [() => import('@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs'), 'JPEGDecoder'],
  'jpeg-ls': [() => import('@cornerstonejs/codec-charls/decodewasmjs'), 'JpegLSDecoder'],
  'jpeg-2000': [() => import('@cornerstonejs/codec-openjpeg/decodewasmjs'), 'J2KDecoder'],
};

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
  let log: readonly string[] = [];
  try {
    const loaded = await loading;
    log = loaded.log;
    loaded.log.length = 0;
    const decoder = loaded.newDecoder();
    decoder.getEncodedBuffer(codestream.length).set(codestream);
    decoder.decode();
    // a damaged image must not pass as a scan, and some damage is only printed
    if (log.length > 0) throw new Error('it complained');
    const { width, height, componentCount } = decoder.getFrameInfo();
    const bytes = decoder.getDecodedBuffer().slice();
    decoder.delete();
    return { columns: width, rows: height, components: componentCount, bytes };
  } catch (error) {
    if (modules.get(codec) === loading) modules.delete(codec);
    // the codecs throw numbers, which mean nothing outside of them
    const reason = error instanceof Error ? error.message : 'it gave up';
    throw new Error([reason, ...log].join('; ').trim(), { cause: error });
  }
}

async function instantiate(codec: WasmCodec): Promise<Module> {
  const [load, decoderName] = PACKAGES[codec];
  const log: string[] = [];
  const note = (line: unknown) => {
    const text = String(line).trim();
    if (!text.startsWith('[INFO]') && log.length < 10) log.push(text);
  };
  const factory = (await load()).default as Factory;
  const module = await factory({ print: note, printErr: note });
  return { newDecoder: () => new module[decoderName]!(), log };
}
