import * as tf from '@tensorflow/tfjs';
import { describe, shortened } from '../base/describe';
import { CheckpointError } from '../base/errors';
import { foreignFile } from '../base/foreign_file';
import { anything, oneOf, optional, resolveOptions, type Rules } from '../base/options';
import { HALF_MAX, floatToHalf, halfToFloat } from '../base/half';

/** A tensor in a safetensors file, checked against the file's size. */
export interface SafetensorsEntry {
  name: string;
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}

/**
 * Reads a `.safetensors` file into tensors.
 *
 * F32, F16, BF16 and F64 become float32; I32, I64 (within 32 bits), I16, I8 and U8 become int32; BOOL becomes bool. The
 * file is untrusted: header length, shapes and offsets are checked against the file's size. As the format requires,
 * tensors must follow one another without gaps up to the end of the file, and names must be unique.
 *
 * @param bytes - The whole file.
 * @returns Tensors by name; the caller disposes them.
 * @throws CheckpointError for a truncated or inconsistent file, or one of another kind, such as a `.pth`, a Git LFS
 * pointer or an HTML page, which the message names.
 * @example
 * ```ts
 * const state = readSafetensors(await (await fetch('squeezenet1_1.safetensors')).arrayBuffer());
 * loadTorchWeights(squeezenet1_1({ inputShape: [224, 224, 1] }), state);
 * ```
 * @see https://huggingface.co/docs/safetensors
 */
export function readSafetensors(bytes: ArrayBuffer | Uint8Array): Record<string, tf.Tensor> {
  const tensors: [string, tf.Tensor][] = [];
  try {
    for (const entry of readSafetensorsEntries(bytes)) tensors.push([entry.name, toTensor(entry)]);
  } catch (error) {
    for (const [, tensor] of tensors) tensor.dispose();
    throw error;
  }
  return Object.fromEntries(tensors);
}

/**
 * Options of {@link writeSafetensors}.
 *
 * @inline
 */
export interface WriteSafetensorsOptions {
  /**
   * Type in which float32 tensors are written: `'float16'` halves the file and keeps 11 significant bits.
   * @defaultValue 'float32'
   */
  precision?: 'float32' | 'float16';
  /** Strings kept in the header under `__metadata__`. */
  metadata?: Record<string, string>;
}

const WRITE_RULES = {
  precision: optional(oneOf(['float32', 'float16']), 'float32'),
  metadata: optional(anything),
} satisfies Rules<WriteSafetensorsOptions>;

/**
 * Writes tensors as a `.safetensors` file: float32 as F32 or F16, int32 as I32, bool as BOOL.
 *
 * @param tensors - Tensors by name; none is disposed.
 * @throws CheckpointError for another dtype, or a finite value outside the range of float16.
 * @example
 * ```ts
 * const state = torchStateDict(model);
 * await writeFile('weights.safetensors', await writeSafetensors(state, { precision: 'float16' }));
 * tf.dispose(state);
 * ```
 */
export async function writeSafetensors(
  tensors: Record<string, tf.Tensor>,
  options: WriteSafetensorsOptions = {},
): Promise<Uint8Array> {
  const { precision, metadata } = resolveOptions('writeSafetensors', options, WRITE_RULES);
  const entries: SafetensorsEntry[] = [];
  for (const [name, tensor] of Object.entries(tensors)) {
    entries.push({ name, shape: tensor.shape, ...(await encode(name, tensor, precision)) });
  }
  return safetensorsFile(entries, metadata);
}

/** The file for tensors given as bytes. */
export function safetensorsFile(
  entries: readonly SafetensorsEntry[],
  metadata?: Record<string, string>,
): Uint8Array {
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {};
  let offset = 0;
  for (const { name, dtype, shape, bytes } of entries) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
  }
  // the data must start at a multiple of 8
  const json = JSON.stringify(header);
  const head = new TextEncoder().encode(json.padEnd(json.length + ((8 - (utf8Length(json) % 8)) % 8)));
  const file = new Uint8Array(8 + head.length + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(head.length), true);
  file.set(head, 8);
  let at = 8 + head.length;
  for (const { bytes } of entries) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

const MAX_HEADER_BYTES = 100 * 1024 * 1024; // the format's own limit
const ITEM_BYTES: Record<string, number> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};
const WRITTEN_DTYPES: Partial<Record<tf.DataType, string>> = { float32: 'F32', int32: 'I32', bool: 'BOOL' };

/** A tensor's bytes, and the format's name of their type. */
async function encode(
  name: string,
  tensor: tf.Tensor,
  precision: 'float32' | 'float16',
): Promise<Pick<SafetensorsEntry, 'dtype' | 'bytes'>> {
  const dtype = WRITTEN_DTYPES[tensor.dtype];
  if (!dtype) return fail(`'${name}' has dtype ${tensor.dtype}, which cannot be written`);
  const data = await tensor.data();
  if (dtype !== 'F32' || precision === 'float32') {
    return { dtype, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
  }
  const beyond = data.findIndex((value) => Number.isFinite(value) && Math.abs(value) > HALF_MAX);
  if (beyond !== -1) {
    fail(
      `'${name}' contains ${data[beyond]}, but float16 ends at ${HALF_MAX}: write it with precision 'float32'`,
    );
  }
  return { dtype: 'F16', bytes: new Uint8Array(Uint16Array.from(data, floatToHalf).buffer) };
}

const utf8Length = (text: string) => new TextEncoder().encode(text).length;
const fail = (problem: string): never => {
  throw new CheckpointError(`safetensors: ${problem}`);
};

/**
 * Fails, naming the kind of the file if it is recognised; only for invalid files, since safetensors files may begin
 * with any bytes.
 */
const failAs = (bytes: Uint8Array, problem: string): never => {
  const other = foreignFile(bytes);
  return fail(other === undefined ? problem : `expected a safetensors file, found ${other}`);
};

/** Parses and checks the header; the entries are views into `bytes`. */
function readSafetensorsEntries(input: ArrayBuffer | Uint8Array): SafetensorsEntry[] {
  const bytes = input instanceof Uint8Array ? input : new Uint8Array(input);
  if (bytes.length < 8) fail(`expected at least 8 bytes, received ${bytes.length}`);
  const headerLength = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (headerLength > MAX_HEADER_BYTES || 8 + headerLength > bytes.length) {
    failAs(bytes, `the header claims ${headerLength} bytes, but the file has ${bytes.length}`);
  }
  const header = parseHeader(bytes, headerLength);
  const data = bytes.subarray(8 + headerLength);
  const entries = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, entry]) => checkEntry(name, entry, data));
  checkFilled(entries, data);
  return entries;
}

/**
 * Refuses tensors that share bytes, by which a short file could expand without limit, and bytes that belong to no
 * tensor, which indicate a damaged file.
 */
function checkFilled(entries: readonly SafetensorsEntry[], data: Uint8Array): void {
  const beginOf = ({ bytes }: SafetensorsEntry) => bytes.byteOffset - data.byteOffset;
  const inOrder = entries.filter(({ bytes }) => bytes.length > 0).sort((a, b) => beginOf(a) - beginOf(b));
  let end = 0;
  let before = 'the header';
  for (const entry of inOrder) {
    const { name, bytes } = entry;
    const begin = beginOf(entry);
    if (begin < end) fail(`${before} and '${name}' overlap`);
    if (begin > end) fail(`${begin - end} bytes between ${before} and '${name}' belong to no tensor`);
    end = begin + bytes.length;
    before = `'${name}'`;
  }
  if (end < data.length) fail(`${data.length - end} bytes at the end belong to no tensor`);
}

function parseHeader(bytes: Uint8Array, length: number): Record<string, unknown> {
  let header: unknown;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length));
    header = JSON.parse(text);
  } catch {
    return failAs(bytes, 'the header is not JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    fail('the header is not an object');
  const twice = repeatedKey(text);
  if (twice !== undefined) fail(`the header has the name '${shortened(twice)}' twice`);
  return header as Record<string, unknown>;
}

/** A duplicate key of an object in JSON text; JSON.parse would silently keep the last. */
function repeatedKey(json: string): string | undefined {
  const keys: Set<string>[] = [];
  for (const [token, key] of json.matchAll(/[{}]|("[^"\\]*(?:\\.[^"\\]*)*")(?:\s*:)?/g)) {
    if (token === '{') keys.push(new Set());
    else if (token === '}') keys.pop();
    else if (token.endsWith(':')) {
      const name = JSON.parse(key!) as string;
      if (keys.at(-1)!.has(name)) return name;
      keys.at(-1)!.add(name);
    }
  }
  return undefined;
}

function checkEntry(name: string, entry: unknown, data: Uint8Array): SafetensorsEntry {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  const isSize = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  if (typeof dtype !== 'string' || !Object.hasOwn(ITEM_BYTES, dtype)) {
    fail(`'${name}' has unknown dtype ${typeof dtype === 'string' ? dtype : describe(dtype)}`);
  }
  if (!Array.isArray(shape) || !shape.every(isSize)) fail(`'${name}' has a malformed shape`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    fail(`'${name}' has malformed offsets`);
  }
  const [begin, end] = offsets as [number, number];
  const size = (shape as number[]).reduce((product, n) => product * n, ITEM_BYTES[dtype as string]!);
  if (end < begin || end > data.length)
    fail(`'${name}' lies at ${begin}..${end} of ${data.length} bytes of data`);
  if (end - begin !== size) {
    fail(`'${name}' ${dtype} ${describe(shape)} needs ${size} bytes, has ${end - begin}`);
  }
  return { name, dtype: dtype as string, shape: shape as number[], bytes: data.subarray(begin, end) };
}

function toTensor({ dtype, shape, bytes, name }: SafetensorsEntry): tf.Tensor {
  const copy = new Uint8Array(bytes); // aligned; slice() of a Node Buffer would still be a view of the file
  const { buffer } = copy;
  switch (dtype) {
    case 'F32':
      return tf.tensor(new Float32Array(buffer), shape, 'float32');
    case 'F64':
      return tf.tensor(Float32Array.from(new Float64Array(buffer)), shape, 'float32');
    case 'F16':
      return tf.tensor(Float32Array.from(new Uint16Array(buffer), halfToFloat), shape, 'float32');
    case 'BF16':
      return tf.tensor(bfloatToFloat(new Uint16Array(buffer)), shape, 'float32');
    case 'I64':
      return tf.tensor(
        Int32Array.from(new BigInt64Array(buffer), (v) => toInt32(v, name)),
        shape,
        'int32',
      );
    case 'I32':
      return tf.tensor(new Int32Array(buffer), shape, 'int32');
    case 'I16':
      return tf.tensor(Int32Array.from(new Int16Array(buffer)), shape, 'int32');
    case 'I8':
      return tf.tensor(Int32Array.from(new Int8Array(buffer)), shape, 'int32');
    case 'BOOL':
      return tf.tensor(copy, shape, 'bool');
    default:
      return tf.tensor(Int32Array.from(copy), shape, 'int32');
  }
}

function toInt32(value: unknown, name: string): number {
  const number = Number(value);
  return (number | 0) === number ? number : fail(`'${name}' contains ${number}, which does not fit 32 bits`);
}

function bfloatToFloat(values: Uint16Array): Float32Array {
  const bits = Uint32Array.from(values, (v) => v << 16);
  return new Float32Array(bits.buffer);
}
