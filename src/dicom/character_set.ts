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

const ESCAPE = String.fromCharCode(27);

/**
 * Decodes text of a data set. Where the set is not named, or is not the one of the bytes, UTF-8 is tried and
 * ISO 8859-1 taken if it is not that: every byte sequence has a text.
 *
 * @param terms - Values of SpecificCharacterSet.
 */
export function decodeText(bytes: Uint8Array, terms: readonly string[]): string {
  const known = terms.map((term) => ENCODINGS[term.replace(/^ISO 2022 IR /, 'ISO_IR ')]);
  for (const encoding of [...known, 'utf-8']) {
    if (encoding === undefined) continue;
    try {
      const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
      // these escapes only announce Korean or Chinese, which both decoders take for granted
      return text.replaceAll(`${ESCAPE}$)C`, '').replaceAll(`${ESCAPE}$)A`, '');
    } catch {
      continue; // not text of this encoding
    }
  }
  return new TextDecoder('iso-8859-1').decode(bytes);
}
