import type { Rgb } from './pixel_text';

/** matplotlib's Inferno at equal steps: perceptually uniform, also for colour-blind readers. */
const INFERNO: readonly Rgb[] = [
  [0, 0, 4], [22, 11, 57], [66, 10, 104], [106, 23, 110], [147, 38, 103], [188, 55, 84],
  [221, 81, 58], [243, 120, 25], [252, 165, 10], [246, 215, 70], [252, 255, 164],
]; // prettier-ignore

/** Default opacity of the colour where a heat map is 1. */
export const HEAT_OPACITY = 0.6;

/** Values marked on a scale. */
export const HEAT_TICKS = [0, 0.25, 0.5, 0.75, 1] as const;

/** Gray level behind a scale: about that of the brain in its window. */
export const SCALE_GRAY = 110;

/**
 * A gray pixel overlaid with the colour of its heat; the opacity is proportional to the heat.
 *
 * @param gray - 0..255.
 * @param heat - 0..1.
 * @param opacity - Opacity where the heat is 1.
 */
export function overlaid(gray: number, heat: number, opacity: number = HEAT_OPACITY): Rgb {
  return mixed([gray, gray, gray], inferno(heat), opacity * heat);
}

/** A value clipped to 0..1; NaN becomes 0. */
export const unit = (value: number): number => Math.min(1, Math.max(0, value || 0));

/** The gray level 0..255 of a pixel 0..1. */
export const grayLevel = (value: number): number => Math.round(255 * unit(value));

/** The colour of a value 0..1, interpolated in the table. */
function inferno(value: number): Rgb {
  const place = value * (INFERNO.length - 1);
  const below = Math.min(Math.floor(place), INFERNO.length - 2);
  return mixed(INFERNO[below]!, INFERNO[below + 1]!, place - below);
}

const mixed = (a: Rgb, b: Rgb, share: number): Rgb => {
  const channel = (i: 0 | 1 | 2) => Math.round(a[i] + share * (b[i] - a[i]));
  return [channel(0), channel(1), channel(2)];
};
