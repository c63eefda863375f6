import { describe, expect, it, vi } from 'vitest';
import { decodeText } from '../../src/dicom/character_set';
import { parseDicomHeader } from '../../src/dicom/dicom_header';
import { ctSlice, dicomBytes } from '../support/dicom_bytes';

/** Bytes of text in which `ESC` stands for an escape and `\xNN` for a byte. */
const bytes = (text: string) =>
  Uint8Array.from([...text.replaceAll('ESC', '\x1b')].map((letter) => letter.charCodeAt(0)));

// the examples of PS3.5, annexes H, I and J, and the part's own for European sets
const CASES: [terms: string[], bytes: string, text: string][] = [
  [
    ['', 'ISO 2022 IR 87'],
    'Yamada^Tarou=ESC$B;3EDESC(B^ESC$BB@O:ESC(B=ESC$B$d$^$@ESC(B^ESC$B$?$m$&ESC(B',
    'Yamada^Tarou=山田^太郎=やまだ^たろう',
  ],
  [
    ['ISO 2022 IR 13', 'ISO 2022 IR 87'],
    '\xd4\xcf\xc0\xde^\xc0\xdb\xb3=ESC$B;3EDESC(J^ESC$BB@O:ESC(J=ESC$B$d$^$@ESC(J^ESC$B$?$m$&ESC(J',
    'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう',
  ],
  [
    ['', 'ISO 2022 IR 149'],
    'Hong^Gildong=ESC$)C\xfb\xf3^ESC$)C\xd1\xce\xd4\xd7=ESC$)C\xc8\xab^ESC$)C\xb1\xe6\xb5\xbf',
    'Hong^Gildong=洪^吉洞=홍^길동',
  ],
  [['ISO_IR 100'], 'Buc^J\xe9r\xf4me', 'Buc^Jérôme'],
  [['ISO 2022 IR 100', 'ISO 2022 IR 144'], 'J\xe9r\xf4me ESC-L\xbb\xee\xda\xe1', 'Jérôme Люкс'],
  [['ISO_IR 192'], '\xe6\x9d\x8e', '李'],
  [['', 'ISO 2022 IR 87', 'ISO 2022 IR 159'], 'ESC$B;3ESC$(D0!0"ESC(B^Tarou', '山丂丄^Tarou'],
];

describe('decodeText', () => {
  it.each(CASES)('reads text of %j', (terms, encoded, text) => {
    expect(decodeText(bytes(encoded), terms)).toBe(text);
  });

  // as writers spell them, by pydicom's list of what it has met and by names of other vocabularies
  it.each([
    ...['ISO-IR 144', 'ISO IR 144', 'ISO_IR_144', 'ISO_IR144', 'iso_ir 144', 'ISO 2022-IR 144'],
    ...['ISO2022 IR 144', 'ISO 2022 144', 'ISO-8859-5'],
  ])('takes %s for the Cyrillic set', (term) => {
    expect(decodeText(bytes('\xbb\xee\xda\xe1'), [term])).toBe('Люкс');
  });

  it.each(['GBK', 'ISO 2022 GBK', 'ISO 2022 58', 'ISO 2022 GB18030', 'gb2312'])(
    'takes %s for Chinese',
    (term) => {
      expect(decodeText(bytes('\xd5\xc5\xc8\xfd'), [term])).toBe('张三');
    },
  );

  it.each(['UTF-8', 'utf8', 'ISO-IR 192'])('takes %s for UTF-8', (term) => {
    expect(decodeText(bytes('\xe6\x9d\x8e'), [term])).toBe('李');
  });

  it('takes no word that is no name of a set for one', () => {
    for (const term of ['constructor', 'ISO_IR 999', 'unknown', '']) {
      expect(decodeText(bytes('J\xe9r\xf4me'), [term])).toBe('Jérôme');
    }
  });

  it('leaves escapes that it does not know as they are, so that nobody takes them for text', () => {
    expect(decodeText(bytes('ESC$(E4F'), ['ISO 2022 IR 87'])).toContain('\x1b');
  });

  // GBK of 张三, a name in ISO 8859-1, UTF-8, and an escape that is not known
  it.each([
    [[], '\xd5\xc5\xc8\xfd', 'SpecificCharacterSet is missing: iso-8859-1 is taken'],
    [[''], 'J\xe9r\xf4me', 'SpecificCharacterSet is missing: iso-8859-1 is taken'],
    [[], '\xe6\x9d\x8e', 'SpecificCharacterSet is missing: utf-8 is taken'],
    [['ISO_IR 6'], '\xe6\x9d\x8e', 'text is not of its SpecificCharacterSet ISO_IR 6: utf-8 is taken'],
    [
      ['ISO_IR 192'],
      'J\xe9r\xf4me',
      'text is not of its SpecificCharacterSet ISO_IR 192: iso-8859-1 is taken',
    ],
    [
      ['ISO_IR 999'],
      'J\xe9r\xf4me',
      'text is not of its SpecificCharacterSet ISO_IR 999: iso-8859-1 is taken',
    ],
    [
      ['ISO 2022 IR 87'],
      'ESC$(E4F',
      'text is not of its SpecificCharacterSet ISO 2022 IR 87: utf-8 is taken',
    ],
  ])('says that it guesses: %j', (terms, encoded, message) => {
    const guesses: string[] = [];
    decodeText(bytes(encoded), terms, (guess) => guesses.push(guess));
    expect(guesses).toEqual([expect.stringContaining(message)]);
  });

  it('does not say so of text that is what it is named', () => {
    const guess = vi.fn();
    for (const [terms, encoded] of CASES) decodeText(bytes(encoded), terms, guess);
    for (const terms of [[], ['ISO_IR 6'], ['ISO_IR 999'], ['ISO_IR 192']])
      decodeText(bytes('Doe^Jane'), terms, guess);
    expect(guess).not.toHaveBeenCalled();
  });

  it('is reported as a problem of the file, once', () => {
    const named = (set: string | undefined) =>
      parseDicomHeader(
        dicomBytes(
          ctSlice({
            elements: {
              '0008,0005': set === undefined ? undefined : ['CS', set],
              '0010,0020': ['LO', '\xd5\xc5'],
              '0008,103e': ['LO', '\xc8\xfd'],
            },
          }),
        ),
      ).problems.filter(({ kind }) => kind === 'character-set');
    expect(named('GB18030')).toEqual([]);
    expect(named(undefined)).toEqual([
      expect.objectContaining({
        severity: 'warning',
        message: expect.stringContaining('is missing') as string,
      }),
    ]);
  });
});
