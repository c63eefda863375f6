import type { WarpAttrs } from './contract';

/** One of the four source pixels of each pixel of the result, and its weight. */
export interface Corner {
  places: Int32Array;
  weights: Float32Array;
}

/** The four source pixels of every pixel of the result, and how far it is inside: for kernels that only gather. */
export function cornersOf(
  [height, width]: [number, number],
  attrs: WarpAttrs,
): { corners: Corner[]; cover: Float32Array } {
  const [outHeight, outWidth] = attrs.size;
  const count = outHeight * outWidth;
  const cover = new Float32Array(count);
  const right = width > 1 ? 1 : 0;
  const below = height > 1 ? width : 0;
  // in the order of the weights: along the row first
  const corners = [0, right, below, below + right].map((offset) => ({
    offset,
    places: new Int32Array(count),
    weights: new Float32Array(count),
  }));
  for (let y = 0; y < outHeight; y++) {
    const places = new Int32Array(outWidth);
    const weights = new Float64Array(4 * outWidth);
    const covers = new Float64Array(outWidth);
    findPlaces(y, [height, width], attrs, places, weights, covers);
    cover.set(covers, y * outWidth);
    corners.forEach((corner, k) => {
      for (let i = 0; i < outWidth; i++) {
        corner.places[y * outWidth + i] = places[i]! + corner.offset;
        corner.weights[y * outWidth + i] = weights[4 * i + k]!;
      }
    });
  }
  return { corners, cover };
}

/** For each pixel of a row: the pixel it reads, the weights of that and its neighbours, and how far it is inside. */
export function findPlaces(
  y: number,
  [height, width]: [number, number],
  { size: [outHeight, outWidth], matrix, nearest }: WarpAttrs,
  places: Int32Array,
  weights: Float64Array,
  covers: Float64Array,
): void {
  const [a, b, c, d, e, f] = matrix as [number, number, number, number, number, number];
  for (let i = 0; i < outWidth; i++) {
    let atX = a * i + (b * y + c);
    let atY = d * i + (e * y + f);
    if (nearest) {
      atX = Math.round(atX);
      atY = Math.round(atY);
    }
    const cover = coverOf(atX, outWidth) * coverOf(atY, outHeight);
    covers[i] = cover;
    if (cover === 0) continue;
    const sourceX = ((atX + 0.5) * width) / outWidth - 0.5;
    const sourceY = ((atY + 0.5) * height) / outHeight - 0.5;
    const left = clamp(Math.floor(sourceX), width - 2);
    const top = clamp(Math.floor(sourceY), height - 2);
    const toRight = clamp(sourceX - left, 1);
    const toBottom = clamp(sourceY - top, 1);
    places[i] = top * width + left;
    weights[4 * i] = cover * (1 - toRight) * (1 - toBottom);
    weights[4 * i + 1] = cover * toRight * (1 - toBottom);
    weights[4 * i + 2] = cover * (1 - toRight) * toBottom;
    weights[4 * i + 3] = cover * toRight * toBottom;
  }
}

/** 1 on the pixels of an axis, falling to 0 over one pixel beyond. */
function coverOf(position: number, length: number): number {
  return Math.max(0, Math.min(1, position + 1, length - position));
}

/** Clamped to 0..`high`; 0 if `high` is negative. */
function clamp(value: number, high: number): number {
  return Math.max(0, Math.min(value, high));
}
