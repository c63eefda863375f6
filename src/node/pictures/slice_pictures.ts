import type * as tf from '@tensorflow/tfjs';
import { grayLevel, overlaid, unit } from '../../drawing/heat_colors';
import { blankPicture, drawTile, pngOf } from './picture';
import type { Rgb } from '../../drawing/pixel_text';

/**
 * A slice `[1, h, w, c]`, and the slice overlaid with its map `[1, h, w]` if there is one, as the bytes of PNG files,
 * for a page with its own layout. The first channel is drawn.
 */
export async function slicePictures(
  image: tf.Tensor4D,
  map: tf.Tensor3D | undefined,
): Promise<{ plain: Uint8Array; overlaid?: Uint8Array }> {
  const [, height, width, channels] = image.shape;
  const [pixels, heat] = await Promise.all([image.data(), map?.data()]);
  const gray = (pixel: number) => grayLevel(pixels[pixel * channels]!);
  const drawn = (color: (pixel: number) => Rgb) => {
    const canvas = blankPicture('slicePictures', width, height);
    drawTile(canvas, [height, width], 0, 0, (y, x) => color(y * width + x));
    return pngOf(canvas);
  };
  const plain = await drawn((pixel) => [gray(pixel), gray(pixel), gray(pixel)]);
  if (heat === undefined) return { plain };
  return { plain, overlaid: await drawn((pixel) => overlaid(gray(pixel), unit(heat[pixel]!))) };
}
