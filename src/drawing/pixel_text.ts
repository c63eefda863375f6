/**
 * Letters of 3 x 5 pixels, one octal digit per row, for captions on images: vector text needs fonts, which many servers
 * lack.
 */
const GLYPHS: Record<string, string> = {
  a: '25755', b: '65656', c: '34443', d: '65556', e: '74647', f: '74644', g: '34553', h: '55755', i: '72227',
  j: '11152', k: '55655', l: '44447', m: '57755', n: '65555', o: '25552', p: '65644', q: '25563', r: '65655',
  s: '34216', t: '72222', u: '55557', v: '55552', w: '55775', x: '55255', y: '55222', z: '71247',
  0: '75557', 1: '26227', 2: '61247', 3: '71317', 4: '55711', 5: '74716', 6: '34757', 7: '71222', 8: '75757', 9: '75716',
  ' ': '00000', _: '00007', '-': '00700', '.': '00002', ':': '02020', '/': '11244', '+': '02720', '=': '07070',
  ',': '00024', '(': '12221', ')': '42224', '%': '51245', '?': '71202',
}; // prettier-ignore

/** A picture to draw on: RGB bytes, row by row. */
export interface Canvas {
  data: Uint8Array;
  width: number;
  height: number;
}

/** Colour of a text, 0..255 each. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** Height and pitch of the letters at scale 1, in pixels. */
export const TEXT_HEIGHT = 5;
const ADVANCE = 4;

/** Width of a text in pixels. */
export const textWidth = (text: string, scale: number) => scale * (ADVANCE * text.length - 1);

/** Writes a line with its upper left corner at (`x`, `y`), clipped to the picture. */
export function drawText(canvas: Canvas, text: string, x: number, y: number, color: Rgb, scale = 2): void {
  for (const [place, letter] of [...text.toLowerCase()].entries()) {
    const rows = GLYPHS[letter] ?? GLYPHS['?']!;
    for (let row = 0; row < TEXT_HEIGHT * scale; row++) {
      const bits = Number(rows[Math.floor(row / scale)]);
      for (let column = 0; column < 3 * scale; column++) {
        if ((bits & (4 >> Math.floor(column / scale))) === 0) continue;
        setPixel(canvas, x + place * ADVANCE * scale + column, y + row, color);
      }
    }
  }
}

function setPixel({ data, width, height }: Canvas, x: number, y: number, color: Rgb): void {
  if (x < 0 || y < 0 || x >= width || y >= height) return;
  data.set(color, 3 * (y * width + x));
}
