import sharp from 'sharp';
import { check } from '../../base/checks';
import { writeFileAtomic } from '../files/atomic_write';
import { TEXT_HEIGHT, type Canvas, type Rgb } from '../../drawing/pixel_text';

/** Scale of captions, margin, and height of a line of captions, in pixels. */
export interface TextSize {
  scale: number;
  margin: number;
  line: number;
}

/** Size of captions, which grows with the images, so that they remain readable if a large picture is shown smaller. */
export function textSize(zoom: number): TextSize {
  const [scale, margin] = [1 + zoom, 2 + 2 * zoom];
  return { scale, margin, line: TEXT_HEIGHT * scale + margin };
}

/** Sizes for a picture without zoom. */
export const { scale: SCALE, margin: MARGIN, line: LINE } = textSize(1);

/** Colours of captions. */
export const WHITE: Rgb = [235, 235, 235];
export const GRAY: Rgb = [120, 120, 120];

/** Most pixels of a picture, a limit for options. */
const MOST_PIXELS = 200e6;

/**
 * A black picture to draw on.
 *
 * @param what - Name of the calling function, for errors.
 * @throws ArgumentError for more than 200 megapixels.
 */
export function blankPicture(what: string, width: number, height: number): Canvas {
  const rule = `at most ${MOST_PIXELS / 1e6} megapixels`;
  check(width * height <= MOST_PIXELS, `${what}: picture`, rule, [width, height]);
  return { data: new Uint8Array(3 * width * height), width, height };
}

/** Draws an image of `height` x `width` pixels with the colours of `color`, 0..255 each. */
export function drawTile(
  canvas: Canvas,
  [height, width]: readonly [number, number],
  left: number,
  top: number,
  color: (y: number, x: number) => Rgb,
): void {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      canvas.data.set(color(y, x), 3 * ((top + y) * canvas.width + left + x));
    }
  }
}

/** A picture as the bytes of a PNG file. */
export async function pngOf({ data, width, height }: Canvas): Promise<Uint8Array> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/** Writes a picture as PNG, atomically. */
export async function writePicture(file: string, canvas: Canvas): Promise<void> {
  await writeFileAtomic(file, await pngOf(canvas));
}
