/** How a data set is encoded. */
export interface ElementLayout {
  /** Whether elements state their value representation. */
  explicit: boolean;
  littleEndian: boolean;
}

/** Position and type of an element's value. */
export interface RawElement {
  offset: number;
  /** Undefined for sequences and pixels that end with a delimiter. */
  length: number | undefined;
  /** Whether the value is a sequence, according to its representation or length. */
  sequence: boolean;
  /** How items in the value are encoded. */
  layout: ElementLayout;
  /** Its representation, if stated. */
  vr: string | undefined;
}

/** Elements by tag, as `'x00280010'`. */
export interface RawElements {
  elements: Map<string, RawElement>;
  /** Tags that occur again with another value. */
  conflicting: Set<string>;
  /** Offset after the elements. */
  end: number;
}

/** The last element that is read. */
export const PIXEL_DATA = 'x7fe00010';

const UNDEFINED_LENGTH = 0xffffffff;
const ITEM = 0xfffee000;
const ITEM_END = 0xfffee00d;
const SEQUENCE_END = 0xfffee0dd;

/** Representations with a length of 32 bits, after two reserved bytes (PS3.5, 7.1.2). */
const LONG = new Set('OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split(' '));

/** Deepest nesting of sequences; more indicates a malicious file. */
const DEEPEST = 32;

/**
 * Reads elements up to the end of an item, to `end`, to the pixels, or to where `isLast` stops; values are not copied.
 *
 * Like in pydicom, a representation other than two capital letters counts as missing.
 *
 * @throws Error if an element extends beyond `end`.
 */
export function readElements(
  view: DataView,
  start: number,
  end: number,
  layout: ElementLayout,
  isLast: (group: number) => boolean = () => false,
  depth = 0,
): RawElements {
  if (depth > DEEPEST) throw new Error(`sequences are nested more than ${DEEPEST} times`);
  const found: RawElements = { elements: new Map(), conflicting: new Set(), end: start };
  for (let at = start; at < end;) {
    if (at + 8 > end) throw new Error(`it ends in the middle of an element at byte ${at}`);
    const group = view.getUint16(at, layout.littleEndian);
    const number = group * 0x10000 + view.getUint16(at + 2, layout.littleEndian);
    if (isLast(group)) break;
    found.end = at + 8;
    if (number === ITEM_END || number === SEQUENCE_END) break;
    const tag = `x${number.toString(16).padStart(8, '0')}`;
    const { offset, length, vr } = readHead(view, at, end, layout);
    const isPixels = tag === PIXEL_DATA && depth === 0;
    // values of unknown or missing representation contain implicit elements (PS3.5, 6.2.2)
    const inside = vr === undefined || vr === 'UN' ? { ...layout, explicit: false } : layout;
    const sequence = vr === 'SQ' || (length === undefined && !isPixels);
    const element: RawElement = { offset, length, sequence, layout: inside, vr };
    if (!isPixels) {
      if (length !== undefined && offset + length > end) {
        throw new Error(`element ${nameOf(tag)} has ${length} bytes, but only ${end - offset} are present`);
      }
      at = length === undefined ? skipItems(view, offset, end, inside, depth) : offset + length;
      found.end = at;
    }
    const before = found.elements.get(tag);
    if (before !== undefined && !sameValue(view, before, element)) found.conflicting.add(tag);
    else found.elements.set(tag, element); // of two the last, as in pydicom: it may state another representation
    if (isPixels) break;
  }
  return found;
}

/** The items of a sequence, each as a separate data set. */
export function readItems(
  view: DataView,
  { offset, length, layout }: RawElement,
  end: number,
): RawElements[] {
  const items: RawElements[] = [];
  const last = length === undefined ? end : offset + length;
  for (let at = offset; at + 8 <= last;) {
    const [tag, size] = itemHead(view, at, layout);
    at += 8;
    if (tag === SEQUENCE_END) break;
    if (tag !== ITEM) throw new Error(`there is no item at byte ${at - 8}`);
    if (size !== undefined && at + size > last)
      throw new Error(`the item at byte ${at - 8} extends beyond its sequence`);
    const item = readElements(view, at, size === undefined ? last : at + size, layout, undefined, 1);
    items.push(item);
    at = size === undefined ? item.end : at + size;
  }
  return items;
}

/**
 * The first element after the pixels that belongs before them or is repeated, for example in a file that contains a
 * data set twice; undefined if there is none, as far as elements can be parsed there.
 *
 * @param start - Offset after the pixels.
 */
export function misplacedBehind(view: DataView, start: number, layout: ElementLayout): string | undefined {
  for (let at = start; at + 8 <= view.byteLength;) {
    const group = view.getUint16(at, layout.littleEndian);
    const number = group * 0x10000 + view.getUint16(at + 2, layout.littleEndian);
    if (number === 0) return undefined; // padding
    const tag = `x${number.toString(16).padStart(8, '0')}`;
    if (tag <= PIXEL_DATA) return tag;
    const lengthAt = at + 12; // the longest head's
    if (lengthAt > view.byteLength) return undefined;
    const { offset, length } = readHead(view, at, view.byteLength, layout);
    if (length === undefined) return undefined;
    at = offset + length;
  }
  return undefined;
}

/** A tag in the standard's notation. */
export const nameOf = (tag: string) => `(${tag.slice(1, 5)},${tag.slice(5)})`;

/**
 * Whether the element at a position states its representation; two capital letters are not the length of a first
 * element.
 */
export function isExplicit(view: DataView, at: number): boolean {
  return representationAt(view, at) !== undefined;
}

function representationAt(view: DataView, at: number): string | undefined {
  const letters = [view.getUint8(at + 4), view.getUint8(at + 5)];
  return letters.every((byte) => byte >= 0x41 && byte <= 0x5a) ? String.fromCharCode(...letters) : undefined;
}

function readHead(view: DataView, at: number, end: number, { explicit, littleEndian }: ElementLayout) {
  const vr = explicit ? representationAt(view, at) : undefined;
  if (vr !== undefined && !LONG.has(vr)) {
    return { vr, offset: at + 8, length: view.getUint16(at + 6, littleEndian) };
  }
  const lengthAt = vr === undefined ? at + 4 : at + 8;
  if (lengthAt + 4 > end) throw new Error(`it ends in the middle of an element at byte ${at}`);
  const length = view.getUint32(lengthAt, littleEndian);
  return { vr, offset: lengthAt + 4, length: length === UNDEFINED_LENGTH ? undefined : length };
}

function itemHead(
  view: DataView,
  at: number,
  { littleEndian }: ElementLayout,
): [tag: number, size: number | undefined] {
  const tag = view.getUint16(at, littleEndian) * 0x10000 + view.getUint16(at + 2, littleEndian);
  const size = view.getUint32(at + 4, littleEndian);
  return [tag, size === UNDEFINED_LENGTH ? undefined : size];
}

/** Offset after a sequence of undefined length, or after the pixel fragments of an icon. */
function skipItems(view: DataView, start: number, end: number, layout: ElementLayout, depth: number): number {
  for (let at = start; at + 8 <= end;) {
    const [tag, size] = itemHead(view, at, layout);
    at += 8;
    if (tag === SEQUENCE_END) return at;
    if (tag !== ITEM) throw new Error(`there is no item at byte ${at - 8}`);
    at = size === undefined ? readElements(view, at, end, layout, undefined, depth + 1).end : at + size;
  }
  throw new Error(`the sequence at byte ${start} has no end`);
}

function sameValue(view: DataView, a: RawElement, b: RawElement): boolean {
  if (a.length === undefined || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (view.getUint8(a.offset + i) !== view.getUint8(b.offset + i)) return false;
  }
  return true;
}
