/** The standard's defined terms (PS3.3, C.12.1.1.2) and the decoders for them. */
const ENCODINGS: Record<string, string> = {
  'ISO_IR 6': 'utf-8', // ASCII
  'ISO_IR 100': 'iso-8859-1',
  'ISO_IR 101': 'iso-8859-2',
  'ISO_IR 109': 'iso-8859-3',
  'ISO_IR 110': 'iso-8859-4',
  'ISO_IR 144': 'iso-8859-5',
  'ISO_IR 127': 'iso-8859-6',
  'ISO_IR 126': 'iso-8859-7',
  'ISO_IR 138': 'iso-8859-8',
  'ISO_IR 148': 'iso-8859-9',
  'ISO_IR 203': 'iso-8859-15',
  'ISO_IR 166': 'windows-874',
  'ISO_IR 13': 'shift_jis',
  'ISO_IR 87': 'iso-2022-jp',
  'ISO_IR 159': 'iso-2022-jp',
  'ISO_IR 149': 'euc-kr',
  'ISO_IR 58': 'gb18030',
  'ISO_IR 192': 'utf-8',
  GB18030: 'gb18030',
  GBK: 'gbk',
};

/** A defined term as spelled by writers: with hyphens, spaces or underscores as separators, or without any. */
const TERM = /^ISO[ _-]*(?:2022[ _-]*)?(?:IR[ _-]*)?(\d+)$/i;

/** The encoding of a defined term; other terms (UTF-8, windows-1251, ISO 2022 GBK) are taken as names of encodings. */
function encodingOf(term: string): string | undefined {
  const number = TERM.exec(term)?.[1];
  const name =
    number === undefined ? term.replace(/^ISO[ _-]*2022[ _-]*/i, '').toUpperCase() : `ISO_IR ${number}`;
  if (Object.hasOwn(ENCODINGS, name)) return ENCODINGS[name];
  try {
    return new TextDecoder(name).encoding;
  } catch {
    return undefined;
  }
}

const ESCAPE = String.fromCharCode(27);

/** Escape sequences (PS3.3, C.12.1.1.2), and the decoder for the bytes after them. */
const DESIGNATIONS: Record<string, string> = {
  '(B': 'initial',
  '-A': 'iso-8859-1',
  '-B': 'iso-8859-2',
  '-C': 'iso-8859-3',
  '-D': 'iso-8859-4',
  '-L': 'iso-8859-5',
  '-G': 'iso-8859-6',
  '-F': 'iso-8859-7',
  '-H': 'iso-8859-8',
  '-M': 'iso-8859-9',
  '-b': 'iso-8859-15',
  '-T': 'windows-874',
  '(J': 'shift_jis',
  ')I': 'shift_jis',
  $B: 'iso-2022-jp',
  '$)C': 'euc-kr',
  '$)A': 'gb18030',
  '$(D': 'euc-jp',
};

/**
 * Decodes text of a data set. Where the set is not named, or is not the one of the bytes, UTF-8 is tried and
 * ISO 8859-1 taken if it is not that: every byte sequence has a text, which need not be the one that was meant.
 *
 * @param terms - Values of SpecificCharacterSet.
 * @param onGuess - Called with what was guessed, in words, where the terms do not tell what the bytes mean.
 */
export function decodeText(
  bytes: Uint8Array,
  terms: readonly string[],
  onGuess?: (message: string) => void,
): string {
  const known = terms.map(encodingOf);
  const extended = decodeExtended(bytes, known[0] ?? 'utf-8');
  if (extended !== undefined) return extended;
  const isPlain = bytes.every((byte) => byte < 128 && byte !== 27);
  const guessed = (text: string, encoding: string): string => {
    if (isPlain) return text;
    const named = terms.filter((term) => term !== '').join('\\');
    onGuess?.(
      named === ''
        ? `text is not ASCII, and SpecificCharacterSet is missing: ${encoding} is taken, so names may be wrong`
        : `text is not of its SpecificCharacterSet ${named}: ${encoding} is taken, so names may be wrong`,
    );
    return text;
  };
  for (const [i, encoding] of [...known, 'utf-8'].entries()) {
    const text = encoding === undefined ? undefined : decoded(bytes, encoding);
    if (text === undefined) continue;
    const isNamed = i < known.length && !(isAscii(terms[i]!) && !isPlain) && !text.includes(ESCAPE);
    return isNamed ? text : guessed(text, encoding!);
  }
  return guessed(new TextDecoder('iso-8859-1').decode(bytes), 'iso-8859-1');
}

/** Undefined for bytes that are no text of the encoding. */
function decoded(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Whether a term names ASCII, of which nothing else is known. */
const isAscii = (term: string): boolean => TERM.exec(term)?.[1] === '6';

/** Text that changes its character set by escapes; undefined where it has none, or any that are not known. */
function decodeExtended(bytes: Uint8Array, initial: string): string | undefined {
  if (!bytes.includes(27)) return undefined;
  const texts: string[] = [];
  for (let start = 0; start < bytes.length;) {
    const next = bytes.indexOf(27, start + 1);
    const piece = bytes.subarray(start, next < 0 ? bytes.length : next);
    start += piece.length;
    const head = String.fromCharCode(...piece.subarray(1, 4));
    const name = Object.keys(DESIGNATIONS).find((designation) => head.startsWith(designation));
    const isFirst = piece[0] !== 27;
    if (!isFirst && name === undefined) return undefined;
    const encoding = isFirst || name === '(B' ? initial : DESIGNATIONS[name!]!;
    // this decoder interprets the escape sequence itself
    const from = isFirst || encoding === 'iso-2022-jp' ? 0 : 1 + name!.length;
    try {
      const value = piece.subarray(from);
      // JIS X 0212 in 7 bits becomes EUC-JP: a prefix before each pair, and the high bit set
      const encoded = name === '$(D' ? Uint8Array.from([...value].flatMap((byte, i) => (i % 2 ? [byte | 0x80] : [0x8f, byte | 0x80]))) : value; // prettier-ignore
      texts.push(new TextDecoder(encoding, { fatal: true }).decode(encoded));
    } catch {
      return undefined;
    }
  }
  return texts.join('').replaceAll(ESCAPE, '');
}
