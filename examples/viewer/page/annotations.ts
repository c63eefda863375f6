// Annotations of the image.
import type { EdgeLetters } from '../protocol';
import { heatColor, heatOpacity } from './colors';
import type { Placed } from './slice_view';

interface Size {
  width: number;
  height: number;
}

/** Lines of text in the corners of the image. */
export interface Corners {
  topLeft?: readonly string[];
  topRight?: readonly string[];
  bottomLeft?: readonly string[];
}

const FONT = '12px system-ui, sans-serif';
const BRIGHT = '#f2f5f9';
const LINE = 17;
const EDGE = 12;

/** Lengths of a scale bar, in mm. */
const LENGTHS = [100, 50, 20, 10, 5, 2, 1];

/** Where the patient's sides are, at the edges. */
export function drawLetters(
  context: CanvasRenderingContext2D,
  { width, height }: Size,
  letters: EdgeLetters | undefined,
): void {
  if (letters === undefined) return;
  const font = '600 15px system-ui, sans-serif';
  write(context, letters.left, EDGE, height / 2, { font });
  write(context, letters.right, width - EDGE, height / 2, { font, align: 'right' });
  write(context, letters.top, width / 2, EDGE + 6, { font, align: 'center' });
  write(context, letters.bottom, width / 2, height - EDGE - 4, { font, align: 'center' });
}

/** A bar of a round length, with a tick for each tenth or centimetre. */
export function drawScaleBar(
  context: CanvasRenderingContext2D,
  { width, height }: Size,
  { perMm }: Placed,
): void {
  if (perMm === undefined) return;
  const length = LENGTHS.find((mm) => mm * perMm <= width / 4) ?? 1;
  const [right, y] = [width - EDGE, height - EDGE - 4];
  const left = right - length * perMm;
  const tick = length >= 20 ? 10 : length / 10;
  context.beginPath();
  context.moveTo(left, y);
  context.lineTo(right, y);
  for (let mm = 0; mm <= length; mm += tick) {
    context.moveTo(left + mm * perMm, y);
    context.lineTo(left + mm * perMm, y - (mm === 0 || mm === length ? 8 : 4));
  }
  context.lineWidth = 3;
  context.strokeStyle = '#000a';
  context.stroke();
  context.lineWidth = 1.4;
  context.strokeStyle = BRIGHT;
  context.stroke();
  write(context, length >= 10 ? `${length / 10} cm` : `${length} mm`, (left + right) / 2, y - 14, {
    align: 'center',
  });
}

/** The scale of the heat map's colours. */
export function drawHeatScale(
  context: CanvasRenderingContext2D,
  { width, height }: Size,
  label: string,
  opacity: number,
): void {
  // between the texts above and the letter below
  const middle = Math.floor(height / 2) - 24;
  const size = { width: 12, height: Math.max(20, Math.min(160, middle - 60)) };
  const [x, y] = [width - EDGE - size.width, middle - size.height];
  context.fillStyle = '#6e6e6e'; // about the gray of the brain, over which the colours are drawn
  context.fillRect(x, y, size.width, size.height);
  for (let line = 0; line < size.height; line++) {
    const heat = Math.round(255 * (1 - line / size.height));
    context.globalAlpha = (heatOpacity(heat) / 255) * opacity;
    context.fillStyle = `rgb(${heatColor(heat).join(' ')})`;
    context.fillRect(x, y + line, size.width, 1.5);
  }
  context.globalAlpha = 1;
  context.strokeStyle = '#ffffff90';
  context.lineWidth = 1;
  context.strokeRect(x - 0.5, y - 0.5, size.width + 1, size.height + 1);
  for (const tick of [0, 0.5, 1]) {
    write(context, String(tick), x - 6, y + (1 - tick) * size.height, { align: 'right' });
  }
  write(context, label, x + size.width, y - 14, { align: 'right' });
}

export function drawTexts(
  context: CanvasRenderingContext2D,
  { width, height }: Size,
  corners: Corners,
): void {
  const { topLeft = [], topRight = [], bottomLeft = [] } = corners;
  const most = width / 2 - 40;
  topLeft.forEach((line, i) => write(context, line, EDGE, EDGE + 4 + i * LINE, { most }));
  topRight.forEach((line, i) =>
    write(context, line, width - EDGE, EDGE + 4 + i * LINE, { align: 'right', most }),
  );
  bottomLeft.forEach((line, i) => {
    write(context, line, EDGE, height - EDGE - 4 - (bottomLeft.length - 1 - i) * LINE, { most });
  });
}

/** Bright letters with a dark outline, legible on bone and on air. */
function write(
  context: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  { font = FONT, align = 'left', most }: { font?: string; align?: CanvasTextAlign; most?: number } = {},
): void {
  Object.assign(context, { font, textAlign: align, textBaseline: 'middle', lineWidth: 3, lineJoin: 'round' });
  let shown = text;
  while (most !== undefined && shown.length > 4 && context.measureText(shown).width > most) {
    shown = `${shown.slice(0, -2).trimEnd()}…`;
  }
  context.strokeStyle = '#000c';
  context.strokeText(shown, x, y);
  context.fillStyle = BRIGHT;
  context.fillText(shown, x, y);
}
