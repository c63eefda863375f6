import type * as tf from '@tensorflow/tfjs';

/** Sets the output of every pooling window that contains NaN to NaN. */
export function markWindows(x: Float32Array, y: Float32Array, info: tf.backend_util.Conv2DInfo): void {
  const first = x.findIndex(Number.isNaN);
  if (first === -1) return;
  const { inHeight, inWidth, inChannels: channels, outHeight, outWidth } = info;
  const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = info;
  for (let i = first; i < x.length; i++) {
    if (!Number.isNaN(x[i]!)) continue;
    const pixel = Math.floor(i / channels);
    const column = (pixel % inWidth) + padInfo.left;
    const row = (Math.floor(pixel / inWidth) % inHeight) + padInfo.top;
    const image = Math.floor(pixel / (inWidth * inHeight));
    const [top, bottom] = windowsOf(row, filterHeight, strideHeight, outHeight);
    const [left, right] = windowsOf(column, filterWidth, strideWidth, outWidth);
    for (let p = top; p <= bottom; p++) {
      for (let q = left; q <= right; q++) {
        y[((image * outHeight + p) * outWidth + q) * channels + (i % channels)] = NaN;
      }
    }
  }
}

/** First and last window that contains a position of the padded axis. */
function windowsOf(
  place: number,
  size: number,
  stride: number,
  count: number,
): [first: number, last: number] {
  return [
    Math.max(0, Math.ceil((place - size + 1) / stride)),
    Math.min(count - 1, Math.floor(place / stride)),
  ];
}
