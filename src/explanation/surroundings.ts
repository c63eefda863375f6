/** Grey levels for which medians are computed. */
const LEVELS = 256;

/**
 * Images without small structures: each value becomes the median of the square around it, of side 2 `reach` + 1 and
 * clipped at the image's edge. Of two middle values the lower one is used. Each channel of each slice is processed
 * separately, in 256 levels from its smallest to its largest value.
 *
 * @param values - `[slices, height, width, channels]`, finite.
 * @see Huang, Yang and Tang, "A fast two-dimensional median filtering algorithm", 1979: the histogram moves along with
 * the square.
 */
export function surroundings(
  values: ArrayLike<number>,
  [slices, height, width, channels]: readonly [number, number, number, number],
  reach: number,
): Float32Array {
  const result = new Float32Array(values.length);
  const levels = new Uint8Array(height * width);
  for (let plane = 0; plane < slices * channels; plane++) {
    const start = Math.floor(plane / channels) * levels.length * channels + (plane % channels);
    let [low, high] = [Infinity, -Infinity];
    for (let i = 0; i < levels.length; i++) {
      low = Math.min(low, values[start + i * channels]!);
      high = Math.max(high, values[start + i * channels]!);
    }
    const step = (high - low) / (LEVELS - 1);
    for (let i = 0; i < levels.length; i++) {
      levels[i] = step === 0 ? 0 : Math.round((values[start + i * channels]! - low) / step);
    }
    medianLevels(levels, height, width, reach).forEach((level, i) => {
      result[start + i * channels] = low + level * step;
    });
  }
  return result;
}

function medianLevels(levels: Uint8Array, height: number, width: number, reach: number): Uint8Array {
  const result = new Uint8Array(levels.length);
  const histogram = new Int32Array(LEVELS);
  for (let y = 0; y < height; y++) {
    const [top, bottom] = [Math.max(0, y - reach), Math.min(height - 1, y + reach)];
    histogram.fill(0);
    let [count, below, median] = [0, 0, 0]; // values in the square, and those below the median
    const move = (x: number, by: 1 | -1) => {
      if (x < 0 || x >= width) return;
      for (let v = top; v <= bottom; v++) {
        const level = levels[v * width + x]!;
        histogram[level]! += by;
        if (level < median) below += by;
      }
      count += by * (bottom - top + 1);
    };
    for (let x = 0; x < reach; x++) move(x, 1);
    for (let x = 0; x < width; x++) {
      move(x + reach, 1);
      move(x - reach - 1, -1);
      const rank = Math.floor((count - 1) / 2);
      while (below > rank) below -= histogram[--median]!;
      while (below + histogram[median]! <= rank) below += histogram[median++]!;
      result[y * width + x] = median;
    }
  }
  return result;
}
