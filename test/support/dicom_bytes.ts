/**
 * Value of an element: text (or texts, joined by backslashes), 16-bit integers, bytes, the items of a sequence, or
 * the fragments of pixels, of which the first is the offset table.
 */
export type DicomValue =
  | string
  | readonly string[]
  | readonly number[]
  | Uint8Array
  | readonly DicomElements[]
  | { readonly fragments: readonly Uint8Array[] };

/** Elements by tag, as `'0028,0010'`, with their value representation. */
export type DicomElements = Record<string, readonly [vr: string, value: DicomValue] | undefined>;

export const IMPLICIT = '1.2.840.10008.1.2';
export const EXPLICIT = '1.2.840.10008.1.2.1';

/** A DICOM file of these elements, written without any library, so that wrong ones can be written too. */
export function dicomBytes(elements: DicomElements, syntax: string = EXPLICIT): Uint8Array {
  const meta = encode({ '0002,0010': ['UI', syntax] }, true);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, meta.length, true);
  const group = encode({ '0002,0000': ['UL', length] }, true);
  const magic = new TextEncoder().encode('DICM');
  return joinBytes(new Uint8Array(128), magic, group, meta, encode(elements, syntax !== IMPLICIT));
}

/** Elements as they follow the file's own header; a whole file without preamble. */
export function encode(elements: DicomElements, explicit: boolean): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [tag, entry] of Object.entries(elements).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (entry === undefined) continue;
    const [vr, value] = entry;
    const body = bodyOf(vr, value, explicit);
    const long = ['OB', 'OV', 'OW', 'SQ', 'SV', 'UN', 'UT', 'UV'].includes(vr);
    const head = new DataView(new ArrayBuffer(explicit && long ? 12 : 8));
    head.setUint16(0, parseInt(tag.slice(0, 4), 16), true);
    head.setUint16(2, parseInt(tag.slice(5), 16), true);
    if (explicit) {
      head.setUint8(4, vr.charCodeAt(0));
      head.setUint8(5, vr.charCodeAt(1));
      if (long) head.setUint32(8, isFragments(value) ? 0xffffffff : body.length, true);
      else head.setUint16(6, body.length, true);
    } else {
      head.setUint32(4, body.length, true);
    }
    parts.push(new Uint8Array(head.buffer), body);
  }
  return joinBytes(...parts);
}

/** One of a stack of axial CT slices; `elements` are added, or taken away where undefined. */
export interface CtSlice {
  rows?: number;
  columns?: number;
  /** Stored values, row by row; zeros if left out. */
  stored?: readonly number[];
  bitsAllocated?: number;
  bitsStored?: number;
  highBit?: number;
  signed?: boolean;
  slope?: number;
  intercept?: number;
  /** ImagePositionPatient. */
  position?: readonly number[];
  uid?: string;
  elements?: DicomElements;
}

/** The elements of a CT slice of 3 x 4 pixels where nothing else is said. */
export function ctSlice(slice: CtSlice = {}): DicomElements {
  const { rows = 3, columns = 4, bitsAllocated = 16, bitsStored = bitsAllocated, signed = true } = slice;
  const { highBit = bitsStored - 1, slope = 1, intercept = 0, position = [0, 0, 0], uid = '1.2.1' } = slice;
  const stored = slice.stored ?? Array.from({ length: rows * columns }, (_, i) => (i % 2 ? 40 : -1000));
  return {
    '0008,0008': ['CS', ['ORIGINAL', 'PRIMARY', 'AXIAL']],
    '0008,0018': ['UI', uid],
    '0008,0060': ['CS', 'CT'],
    '0010,0020': ['LO', 'P1'],
    '0020,000d': ['UI', '1.2'],
    '0020,000e': ['UI', '1.2.0'],
    '0020,0032': ['DS', position.map(String)],
    '0020,0037': ['DS', ['1', '0', '0', '0', '1', '0']],
    '0028,0002': ['US', [1]],
    '0028,0004': ['CS', 'MONOCHROME2'],
    '0028,0010': ['US', [rows]],
    '0028,0011': ['US', [columns]],
    '0028,0030': ['DS', ['0.5', '0.4']],
    '0028,0100': ['US', [bitsAllocated]],
    '0028,0101': ['US', [bitsStored]],
    '0028,0102': ['US', [highBit]],
    '0028,0103': ['US', [signed ? 1 : 0]],
    '0028,1052': ['DS', String(intercept)],
    '0028,1053': ['DS', String(slope)],
    '7fe0,0010': ['OW', bitsAllocated === 8 ? Uint8Array.from(stored) : stored],
    ...slice.elements,
  };
}

export function joinBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function bodyOf(vr: string, value: DicomValue, explicit: boolean): Uint8Array {
  const even = (bytes: Uint8Array, pad: number) =>
    bytes.length % 2 === 0 ? bytes : joinBytes(bytes, Uint8Array.of(pad));
  const pad = vr === 'UI' || vr === 'OB' || vr === 'OW' ? 0 : 0x20;
  if (value instanceof Uint8Array) return even(value, pad);
  if (typeof value === 'string') return even(new TextEncoder().encode(value), pad);
  if (isFragments(value))
    return joinBytes(...value.fragments.flatMap((bytes) => item(even(bytes, 0))), itemHead(0xe0dd, 0));
  if (vr === 'SQ') {
    return joinBytes(
      ...(value as readonly DicomElements[]).flatMap((elements) => item(encode(elements, explicit))),
    );
  }
  if (value.every((part) => typeof part === 'string')) return bodyOf(vr, value.join('\\'), explicit);
  const view = new DataView(new ArrayBuffer(2 * value.length));
  (value as readonly number[]).forEach((number, i) => view.setUint16(2 * i, number & 0xffff, true));
  return new Uint8Array(view.buffer);
}

const isFragments = (value: DicomValue): value is { readonly fragments: readonly Uint8Array[] } =>
  typeof value === 'object' && 'fragments' in value;

const item = (body: Uint8Array) => [itemHead(0xe000, body.length), body];

function itemHead(element: number, length: number): Uint8Array {
  const head = new DataView(new ArrayBuffer(8));
  head.setUint16(0, 0xfffe, true);
  head.setUint16(2, element, true);
  head.setUint32(4, length, true);
  return new Uint8Array(head.buffer);
}
