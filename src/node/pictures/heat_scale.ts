import { HEAT_TICKS, overlaid, SCALE_GRAY } from '../../drawing/heat_colors';
import { drawTile, WHITE, type TextSize } from './picture';
import { drawText, textWidth, type Canvas } from '../../drawing/pixel_text';

/** Width and height of the colour bar, in pixels of a caption's letters. */
const BAR = [80, 4] as const;

/** Size of the scale: a line with the legend, the bar, and the numbers below it. */
export function scaleSize(
  { scale, margin, line }: TextSize,
  legend: string,
): { width: number; height: number } {
  const bar = BAR[0] * scale + textWidth(String(HEAT_TICKS.at(-1)), scale);
  return {
    width: Math.max(bar, textWidth(legend, scale)) + 2 * margin,
    height: 2 * line + BAR[1] * scale + 2 * margin,
  };
}

/** Draws the colours of 0..1 over the gray of brain tissue, with numbers. */
export function drawScale(
  canvas: Canvas,
  { top, text, legend, opacity }: { top: number; text: TextSize; legend: string; opacity: number },
): void {
  const { scale, margin, line } = text;
  const [width, height] = [BAR[0] * scale, BAR[1] * scale];
  drawText(canvas, legend, margin, top + margin, WHITE, scale);
  const bar = top + margin + line;
  drawTile(canvas, [height, width], margin, bar, (_, x) => overlaid(SCALE_GRAY, x / (width - 1), opacity));
  for (const value of HEAT_TICKS) {
    const label = String(value);
    const centre = margin + value * width;
    const left = value === 0 ? margin : Math.round(centre - textWidth(label, scale) / 2);
    drawText(canvas, label, left, bar + height + scale, WHITE, scale);
  }
}
