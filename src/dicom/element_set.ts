import { DataError, type DataLocation } from '../base/errors';
import { decodeText } from './character_set';
import { nameOf, readItems, type RawElement, type RawElements } from './elements';

/** Longest value read as text or numbers; the longest one needed has 64 characters of up to 4 bytes. */
const MAX_TEXT_BYTES = 1024;

/** A value of a DS or IS element. */
export const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Value representations (VR) of numbers and bytes, which contain no text. */
const BINARY = new Set('AT FD FL OB OD OF OL OV OW SL SQ SS SV UL US UV'.split(' '));
/** Representations of 16-bit integers, and of 32-bit integers; UN may be anything. */
const SHORT = new Set(['US', 'SS', 'OW', 'UN']);
const LONG = new Set(['UL', 'SL', 'UN']);

/** Elements of a file or of a sequence item, with the checks that untrusted files require. */
export class ElementSet {
  private readonly view: DataView;
  private readonly characterSets: readonly string[];
  private readonly guessed = new Set<string>();

  constructor(
    /** The file; inflated if it was deflated. */
    readonly bytes: Uint8Array,
    protected readonly raw: RawElements,
    protected readonly where: DataLocation,
    characterSets: readonly string[] = [],
    /** What was read otherwise than it is labelled, in words, with its kind; shared with the items of sequences. */
    readonly remarks = new Map<string, 'syntax-mismatch' | 'character-set'>(),
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.characterSets = characterSets;
    const own = this.texts('x00080005');
    if (own.length > 0) this.characterSets = own;
  }

  /** Text; undefined if absent or empty. */
  text(tag: string): string | undefined {
    const texts = this.texts(tag).join('\\');
    return texts === '' ? undefined : texts;
  }

  /** Texts separated by backslashes, trimmed; none if the element is absent or empty. */
  texts(tag: string): string[] {
    const element = this.element(tag);
    if (element === undefined) return [];
    if (element.vr !== undefined && BINARY.has(element.vr)) this.misname(tag, element.vr, 'text');
    const value = this.bytes.subarray(
      element.offset,
      element.offset + Math.min(element.length, MAX_TEXT_BYTES),
    );
    const text = decodeText(value, this.characterSets, (guess) => {
      this.remarks.set(guess, 'character-set');
      this.guessed.add(tag);
    });
    return text.split('\\').map((part) => part.replaceAll('\0', '').trim());
  }

  /** Whether an element's text was read in a character set that the file does not state, and may be wrong. */
  isGuessed(tag: string): boolean {
    this.texts(tag);
    return this.guessed.has(tag);
  }

  /** Decimal numbers; none if the element is absent or empty, undefined if it contains anything else. */
  decimals(tag: string): number[] | undefined {
    const texts = this.texts(tag).filter((text) => text !== '');
    const numbers = texts.map((text) => (DECIMAL.test(text) ? Number(text) : NaN));
    return numbers.every(Number.isFinite) ? numbers : undefined;
  }

  /**
   * The first of an element's 16-bit integers; their sign follows `signed`, since writers often choose the wrong one of
   * SS and US.
   */
  integer(tag: string, signed = false): number | undefined {
    return this.integers(tag, signed, 1)?.[0];
  }

  /** The first `most` of an element's 16-bit integers; undefined if absent or empty. */
  integers(tag: string, signed = false, most = Infinity): number[] | undefined {
    const element = this.element(tag);
    if (element === undefined) return undefined;
    if (element.length % 2 !== 0) {
      throw new DataError(
        `element ${nameOf(tag)} has ${element.length} bytes, expected 16-bit integers`,
        this.where,
      );
    }
    const { vr, layout } = element;
    if (vr !== undefined && !SHORT.has(vr)) this.misname(tag, vr, '16-bit integers');
    const { littleEndian } = layout;
    return Array.from({ length: Math.min(element.length / 2, most) }, (_, i) =>
      signed
        ? this.view.getInt16(element.offset + 2 * i, littleEndian)
        : this.view.getUint16(element.offset + 2 * i, littleEndian),
    );
  }

  /** An element's 32-bit integer; undefined if absent, empty or of another length. */
  long(tag: string): number | undefined {
    const element = this.element(tag);
    if (element?.vr !== undefined && !LONG.has(element.vr)) this.misname(tag, element.vr, 'a 32-bit integer');
    return element?.length === 4
      ? this.view.getUint32(element.offset, element.layout.littleEndian)
      : undefined;
  }

  /** An element's bytes; undefined if absent or empty. */
  valueOf(tag: string): Uint8Array | undefined {
    const element = this.element(tag);
    return element && this.bytes.subarray(element.offset, element.offset + element.length);
  }

  /** Items of a sequence; none if absent or empty. */
  items(tag: string): ElementSet[] {
    const element = this.raw.elements.get(tag);
    if (element === undefined || element.length === 0) return [];
    try {
      const items = readItems(this.view, element, this.bytes.length);
      return items.map(
        (item) => new ElementSet(this.bytes, item, this.where, this.characterSets, this.remarks),
      );
    } catch (error) {
      const message = `the sequence ${nameOf(tag)} does not parse: ${(error as Error).message}`;
      throw new DataError(message, this.where, { cause: error });
    }
  }

  private misname(tag: string, vr: string, read: string): void {
    const message = `element ${nameOf(tag)} states the representation ${vr}, but is read as ${read}`;
    this.remarks.set(message, 'syntax-mismatch');
  }

  /** An element that has a value. */
  private element(tag: string): (RawElement & { length: number }) | undefined {
    const element = this.raw.elements.get(tag);
    if (element === undefined || element.length === 0) return undefined;
    if (element.sequence || element.length === undefined) {
      throw new DataError(`element ${nameOf(tag)} is a sequence, expected a value`, this.where);
    }
    if (this.raw.conflicting.has(tag)) {
      throw new DataError(`element ${nameOf(tag)} is given twice, with different values`, this.where);
    }
    return { ...element, length: element.length };
  }
}
