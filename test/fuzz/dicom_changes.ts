import { deflateRawSync, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { joinBytes } from '../support/dicom_bytes';

export const PIXELS = 'x7fe00010';

/** A change to the so-many-th element, modulo their number, or to the one with a tag. */
export type ElementChange =
  | { kind: 'length'; at: number; length: number }
  | { kind: 'lengthBy'; at: number; by: number }
  | { kind: 'vr'; at: number; vr: string }
  | { kind: 'swapVr' | 'move'; at: number; with: number }
  | { kind: 'drop' | 'double'; at: number }
  | { kind: 'value'; at?: number; tag?: string; value: Uint8Array }
  | { kind: 'insert'; at: number; element: NewElement }
  | { kind: 'nest'; at: number; from: number; count: number; taken: boolean; sequence: NewSequence };

interface NewElement {
  /** Group and number. */
  tag: readonly [number, number];
  vr: string;
  value: Uint8Array;
}

/** A sequence, in others of its kind; of counted or of marked length. */
interface NewSequence {
  tag: readonly [number, number];
  vr: 'SQ' | 'UN';
  depth: number;
  counted: boolean;
}

const at = fc.nat(99);
const valueRepresentation = fc.constantFrom('SQ', 'UN', 'OB', 'OW', 'US', 'SS', 'UL', 'SL', 'DS', 'IS', 'LO', 'UT', 'FL', 'FD', 'AT', 'UV', 'CS', 'UI', '\0\0', '??', 'sq', '\u007f~'); // prettier-ignore
const value = fc.oneof(
  fc.constantFrom('1e400', '-', 'NaN', '\\\\\\\\', '1\\2', '1e-400', '0', '-0', '../..', '\0\0', 'ISO_IR 192', 'ISO 2022 IR 87', '1.2.840.10008.1.2.5', ' '.repeat(300), '9'.repeat(2000)).map((text) => new TextEncoder().encode(text)),
  fc.constantFrom('1', '-1', '2', ' 12 ', '12\0', '+1.5', '1.', '.5', '1e1', '1d1', '0x10', '1_0', '1,5', 'inf', '-1024 ', '3\\3', '0.5\\0.5', '0\\0\\1\\0\\1\\0', '1\\2\\3', 'HU', 'MR', 'MONOCHROME1').map((text) => new TextEncoder().encode(text)),
  fc.constantFrom(Uint8Array.of(0, 0), Uint8Array.of(255, 255), Uint8Array.of(255, 127), Uint8Array.of(0, 128), Uint8Array.of(1, 0), Uint8Array.of(12, 0), Uint8Array.of(16, 0), Uint8Array.of(32, 0), Uint8Array.of(40, 0, 48, 0), Uint8Array.of(40, 0, 0, 0), Uint8Array.of(7), Uint8Array.of()),
  fc.uint8Array({ maxLength: 40 }),
); // prettier-ignore

/** Elements that decide about what is read: of the image, its place, its values, and its frames. */
const READ: readonly (readonly [number, number])[] = [
  ...[[2, 0x10], [8, 5], [8, 8], [8, 0x16], [8, 0x60], [0x10, 0x20], [0x18, 0x50], [0x18, 0x1120], [0x20, 0xe], [0x20, 0x13]],
  ...[[0x20, 0x32], [0x20, 0x37], [0x28, 2], [0x28, 4], [0x28, 8], [0x28, 0x10], [0x28, 0x11], [0x28, 0x30], [0x28, 0x100]],
  ...[[0x28, 0x101], [0x28, 0x102], [0x28, 0x103], [0x28, 0x120], [0x28, 0x121], [0x28, 0x1052], [0x28, 0x1053], [0x28, 0x1054]],
  ...[[0x28, 0x3000], [0x28, 0x3002], [0x28, 0x3006], [0x5200, 0x9229], [0x5200, 0x9230], [0x7fe0, 1], [0x7fe0, 0x10]],
  ...[[0xfffe, 0xe000], [0xfffe, 0xe00d], [0xfffe, 0xe0dd], [0x9, 0x10], [0x28, 0]],
] as [number, number][]; // prettier-ignore
/** Sequences with a meaning for the image (values, geometry, modality table), and without one. */
const SEQUENCES: readonly (readonly [number, number])[] = [[0x28, 0x3000], [0x28, 0x9145], [0x28, 0x9110], [0x20, 0x9113], [0x20, 0x9116], [0x5200, 0x9229], [0x5200, 0x9230], [8, 0x1140], [0x40, 0x275], [0x9, 0x1001], [0x88, 0x200]]; // prettier-ignore

/** Lists of changes to a file's elements. */
export const elementChanges: fc.Arbitrary<ElementChange[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('length' as const),
      at,
      length: fc.constantFrom(0, 1, 2, 3, 7, 127, 128, 255, 1000, 32_767, 32_768, 65_535, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1),
    }),
    fc.record({ kind: fc.constant('lengthBy' as const), at, by: fc.constantFrom(-8, -4, -2, -1, 1, 2, 4, 8) }),
    fc.record({ kind: fc.constant('vr' as const), at, vr: valueRepresentation }),
    fc.record({ kind: fc.constantFrom('swapVr' as const, 'move' as const), at, with: at }),
    fc.record({ kind: fc.constantFrom('drop' as const, 'double' as const), at }),
    fc.record({ kind: fc.constant('value' as const), at, value }),
    fc.record({
      kind: fc.constant('insert' as const),
      at,
      element: fc.record({ tag: fc.constantFrom(...READ), vr: valueRepresentation, value }),
    }),
    fc.record({
      kind: fc.constant('nest' as const),
      at,
      from: at,
      count: fc.nat(6),
      taken: fc.boolean(),
      sequence: fc.record({
        tag: fc.constantFrom(...SEQUENCES),
        vr: fc.constantFrom('SQ' as const, 'UN' as const),
        depth: fc.integer({ min: 1, max: 3 }),
        counted: fc.boolean(),
      }),
    }),
  ),
  { minLength: 1, maxLength: 3 },
); // prettier-ignore

/** The file with elements changed; a deflated one is inflated for that and deflated again. */
export function changeElements(file: Uint8Array, changes: readonly ElementChange[]): Uint8Array {
  const start = isDeflated(file) ? deflatedStart(file) : undefined;
  if (start === undefined) return changes.reduce(changeElement, new Uint8Array(file));
  const inflated = joinBytes(file.subarray(0, start), inflateRawSync(file.subarray(start)));
  const changed = changes.reduce(changeElement, inflated);
  // what moved before the data set makes the rest one more kind of damage
  return joinBytes(changed.subarray(0, start), deflateRawSync(changed.subarray(start)));
}

function changeElement(bytes: Uint8Array, change: ElementChange): Uint8Array {
  const elements = elementsOf(bytes);
  const element =
    change.kind === 'value' && change.tag !== undefined
      ? elements.find(({ tag }) => tag === change.tag)
      : elements[(change.at ?? 0) % elements.length];
  if (element === undefined) return bytes;
  const { start, dataOffset, end, explicit, long } = element;
  const lengthAt = explicit && !long ? dataOffset - 2 : dataOffset - 4;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const setLength = (target: DataView, length: number) =>
    explicit && !long ? target.setUint16(lengthAt, length, true) : target.setUint32(lengthAt, length, true);
  switch (change.kind) {
    case 'length':
      setLength(view, change.length);
      return bytes;
    case 'lengthBy':
      setLength(view, end - dataOffset + change.by);
      return bytes;
    case 'vr':
      if (explicit) bytes.set(new TextEncoder().encode(change.vr), start + 4);
      return bytes;
    case 'swapVr': {
      const other = elements[change.with % elements.length]!;
      if (!explicit || !other.explicit) return bytes;
      const own = bytes.slice(start + 4, start + 6);
      bytes.copyWithin(start + 4, other.start + 4, other.start + 6);
      bytes.set(own, other.start + 4);
      return bytes;
    }
    case 'move': {
      const to = elements[change.with % elements.length]!.start;
      const piece = bytes.slice(start, end);
      return to >= end
        ? joinBytes(bytes.subarray(0, start), bytes.subarray(end, to), piece, bytes.subarray(to))
        : joinBytes(bytes.subarray(0, Math.min(to, start)), piece, bytes.subarray(to, start), bytes.subarray(end));
    }
    case 'drop':
      return joinBytes(bytes.subarray(0, start), bytes.subarray(end));
    case 'double':
      return joinBytes(bytes.subarray(0, end), bytes.subarray(start));
    case 'value': {
      const changed = joinBytes(bytes.subarray(0, dataOffset), change.value, bytes.subarray(end));
      setLength(new DataView(changed.buffer), change.value.length);
      return changed;
    }
    case 'insert':
      return joinBytes(bytes.subarray(0, start), encodeElement(change.element, explicit), bytes.subarray(start));
    case 'nest': {
      const first = change.from % elements.length;
      const nested = elements.slice(first, first + change.count + 1).filter(({ tag }) => tag !== PIXELS);
      const content = joinBytes(...nested.map((one) => bytes.subarray(one.start, one.end)));
      const sequence = encodeSequence(change.sequence, content, explicit);
      const taken = change.taken ? nested : [];
      const places = elements.filter((one) => !taken.includes(one));
      const rest = joinBytes(bytes.subarray(0, elements[0]!.start), ...places.flatMap((one) => [
        ...(one === element ? [sequence] : []),
        bytes.subarray(one.start, one === elements.at(-1) ? bytes.length : one.end),
      ])); // prettier-ignore
      return rest;
    }
  }
} // prettier-ignore

/** Representations whose length has 32 bits. */
const LONG = ['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV'];

/** An element as it is written; its length is the one of `value` where no other is given. */
function encodeElement({ tag, vr, value }: NewElement, explicit: boolean, length = value.length): Uint8Array {
  const long = !explicit || LONG.includes(vr);
  const head = new DataView(new ArrayBuffer(explicit && long ? 12 : 8));
  head.setUint16(0, tag[0], true);
  head.setUint16(2, tag[1], true);
  if (explicit) [...vr].forEach((letter, i) => head.setUint8(4 + i, letter.charCodeAt(0)));
  if (long) head.setUint32(head.byteLength - 4, length, true);
  else head.setUint16(6, length, true);
  return joinBytes(new Uint8Array(head.buffer), value);
}

const UNDEFINED_LENGTH = 0xffffffff;
const [ITEM, ITEM_END, SEQUENCE_END] = [0xe000, 0xe00d, 0xe0dd].map((number) => [0xfffe, number] as const);
const mark = (tag: readonly [number, number], value = new Uint8Array(), length?: number) =>
  encodeElement({ tag, vr: '', value }, false, length);

function encodeSequence(
  { tag, vr, depth, counted }: NewSequence,
  content: Uint8Array,
  explicit: boolean,
): Uint8Array {
  const inner = depth > 1 ? encodeSequence({ tag, vr, depth: depth - 1, counted }, content, explicit) : content;
  const value = counted
    ? mark(ITEM!, new Uint8Array(inner))
    : joinBytes(mark(ITEM!, new Uint8Array(inner), UNDEFINED_LENGTH), mark(ITEM_END!), mark(SEQUENCE_END!));
  return encodeElement({ tag, vr, value }, explicit, counted ? value.length : UNDEFINED_LENGTH);
} // prettier-ignore

export interface ElementPlace {
  tag: string;
  start: number;
  dataOffset: number;
  end: number;
  explicit: boolean;
  long: boolean;
}

/** Places of the top elements before the pixels, as far as the file parses; the pixels' own is the last. */
export function elementsOf(bytes: Uint8Array): ElementPlace[] {
  const hasMagic = bytes.length > 132 && String.fromCharCode(...bytes.subarray(128, 132)) === 'DICM';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const places: ElementPlace[] = [];
  for (let start = hasMagic ? 132 : 0; start + 12 <= bytes.length;) {
    const [group, element] = [view.getUint16(start, true), view.getUint16(start + 2, true)];
    const explicit = [4, 5].every((i) => bytes[start + i]! >= 0x41 && bytes[start + i]! <= 0x5a);
    const vr = String.fromCharCode(bytes[start + 4]!, bytes[start + 5]!);
    const long = explicit && LONG.includes(vr);
    const dataOffset = start + (long ? 12 : 8);
    const length = explicit && !long ? view.getUint16(start + 6, true) : view.getUint32(dataOffset - 4, true);
    const end =
      length === UNDEFINED_LENGTH
        ? sequenceEnd(bytes, dataOffset)
        : Math.min(dataOffset + length, bytes.length);
    const hex = (value: number) => value.toString(16).padStart(4, '0');
    const tag = `x${hex(group)}${hex(element)}`;
    places.push({ tag, start, dataOffset, end, explicit, long });
    if (tag === PIXELS) break;
    start = end;
  }
  return places;
}

/** After the first end of a sequence; what that cuts short is one more kind of damage. */
function sequenceEnd(bytes: Uint8Array, from: number): number {
  const found = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(
    'feffdde0',
    from,
    'hex',
  );
  return found < 0 ? bytes.length : found + 8;
}

const DEFLATED = '1.2.840.10008.1.2.1.99';
const isDeflated = (file: Uint8Array) => Buffer.from(file.subarray(132, 512)).includes(DEFLATED);

/** Where the deflated part of a file begins: after its meta elements, whose length is in the first. */
export function deflatedStart(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return 144 + view.getUint32(140, true);
}
