/** How a data set is written. */
export interface ElementLayout {
  /** Whether elements name their value representation. */
  explicit: boolean;
  littleEndian: boolean;
}

/** Where an element's value is. */
export interface RawElement {
  offset: number;
  /** Undefined for sequences and pixels whose end is marked and not counted. */
  length: number | undefined;
  /** Whether the value is a sequence's, as far as its representation or its length says. */
  sequence: boolean;
  /** How items in the value are written. */
  layout: ElementLayout;
  /** Its representation, where it is named. */
  vr: string | undefined;
}

/** Elements by tag, as `'x00280010'`. */
export interface RawElements {
  elements: Map<string, RawElement>;
  /** Tags that come again with another value. */
  conflicting: Set<string>;
  /** Where the elements end. */
  end: number;
}

/** The last element that is read. */
export const PIXEL_DATA = 'x7fe00010';

const UNDEFINED_LENGTH = 0xffffffff;
const ITEM = 0xfffee000;
const ITEM_END = 0xfffee00d;
const SEQUENCE_END = 0xfffee0dd;

/** Representations whose length has 32 bits, after two bytes of nothing (PS3.5, 7.1.2). */
const LONG = new Set('OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split(' '));

/** Sequences in sequences beyond this are an attack and no image. */
const DEEPEST = 32;

/**
 * Reads elements up to an item's end, to `end`, to the pixels, or to where `isLast` says; values are left where they are.
 *
 * A representation that is no two capital letters is taken to be missing, as pydicom does.
 *
 * @throws Error where an element goes beyond `end`.
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
    // what was unknown, or lacks its representation, holds implicit elements (PS3.5, 6.2.2)
    const inside = vr === undefined || vr === 'UN' ? { ...layout, explicit: false } : layout;
    const sequence = vr === 'SQ' || (length === undefined && !isPixels);
    const element: RawElement = { offset, length, sequence, layout: inside, vr };
    if (!isPixels) {
      if (length !== undefined && offset + length > end) {
        throw new Error(`element ${nameOf(tag)} has ${length} bytes, ${end - offset} are there`);
      }
      at = length === undefined ? skipItems(view, offset, end, inside, depth) : offset + length;
      found.end = at;
    }
    const before = found.elements.get(tag);
    if (before !== undefined && !sameValue(view, before, element)) found.conflicting.add(tag);
    else found.elements.set(tag, element); // of two the last, as pydicom: it may name another representation
    if (isPixels) break;
  }
  return found;
}

/** Where the items of a sequence are, each as a data set of its own. */
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
      throw new Error(`the item at byte ${at - 8} goes beyond its sequence`);
    const item = readElements(view, at, size === undefined ? last : at + size, layout, undefined, 1);
    items.push(item);
    at = size === undefined ? item.end : at + size;
  }
  return items;
}

/**
 * The first element behind the pixels that belongs before them or comes again, as where a data set is in a file twice; undefined for
 * none, as far as elements can be told there.
 *
 * @param start - Where the pixels end.
 */
export function misplacedBehind(view: DataView, start: number, layout: ElementLayout): string | undefined {
  for (let at = start; at + 8 <= view.byteLength;) {
    const group = view.getUint16(at, layout.littleEndian);
    const number = group * 0x10000 + view.getUint16(at + 2, layout.littleEndian);
    if (number === 0) return undefined; // filled up
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

/** A tag as the standard writes it. */
export const nameOf = (tag: string) => `(${tag.slice(1, 5)},${tag.slice(5)})`;

/** Whether the element at a place names its representation; one that is two capital letters is no length of a first element. */
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

/** Where a sequence of unknown length, or the fragments of pixels in an icon, end. */
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
