import { describe, expect, it } from 'vitest';
import { decodeText } from '../../src/dicom/character_set';

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
];

describe('decodeText', () => {
  it.each(CASES)('reads text of %j', (terms, encoded, text) => {
    expect(decodeText(bytes(encoded), terms)).toBe(text);
  });

  it('leaves escapes that it does not know as they are, so that nobody takes them for text', () => {
    expect(decodeText(bytes('ESC$(D4F'), ['ISO 2022 IR 87'])).toContain('\x1b');
  });
});
