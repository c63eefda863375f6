import type { DisplayWindow } from '../protocol';

/** Windows that radiologists read head CT in, in HU. */
export const PRESETS: readonly (DisplayWindow & { name: string; title: string })[] = [
  { name: 'Brain', title: 'grey and white matter, most hemorrhages', center: 40, width: 80 },
  { name: 'Wide brain', title: 'with a margin for fresh blood', center: 40, width: 120 },
  { name: 'Subdural', title: 'thin blood along the skull', center: 80, width: 200 },
  { name: 'Soft tissue', title: 'scalp, muscle', center: 40, width: 380 },
  { name: 'Bone', title: 'fractures', center: 600, width: 2800 },
];

/** The assumed window of pictures: that of the CT-ICH data set. */
export const PICTURE_WINDOW: DisplayWindow = PRESETS[1]!;

/** A window after a drag, `right` and `down` in pixels: wider to the right, brighter upwards. */
export function dragged({ center, width }: DisplayWindow, right: number, down: number): DisplayWindow {
  // a drag changes a wide window more than a narrow one
  const speed = Math.max(0.25, width / 300);
  return {
    center: Math.round(Math.min(4000, Math.max(-2000, center + speed * down))),
    width: Math.round(Math.min(8000, Math.max(1, width + speed * right))),
  };
}
