/** matplotlib's Inferno at equal steps: perceptually uniform, also for colour-blind readers. */
const INFERNO = [
  [0, 0, 4], [22, 11, 57], [66, 10, 104], [106, 23, 110], [147, 38, 103], [188, 55, 84],
  [221, 81, 58], [243, 120, 25], [252, 165, 10], [246, 215, 70], [252, 255, 164],
] as const; // prettier-ignore

/** The colour of a heat 0..255, as red, green, blue. */
export function heatColor(heat: number): [number, number, number] {
  const place = (heat / 255) * (INFERNO.length - 1);
  const below = Math.min(Math.floor(place), INFERNO.length - 2);
  const mix = (i: 0 | 1 | 2) =>
    Math.round(INFERNO[below]![i] + (place - below) * (INFERNO[below + 1]![i] - INFERNO[below]![i]));
  return [mix(0), mix(1), mix(2)];
}

/** Opacity 0..255 of the colour of a heat 0..255: it rises fast enough to be visible on bright blood. */
export const heatOpacity = (heat: number): number => Math.round(255 * Math.sqrt(heat / 255));

/** RGBA of every heat 0..255. */
export const HEAT_RGBA = Uint8ClampedArray.from({ length: 1024 }, (_, i) => {
  const heat = i >> 2;
  return i % 4 === 3 ? heatOpacity(heat) : heatColor(heat)[(i % 4) as 0 | 1 | 2];
});
