// The image: a slice in its window, with the heat map over it, letters, scales and texts.
import type { DisplayWindow, HeatMap, Pixels } from '../protocol';
import { drawHeatScale, drawLetters, drawScaleBar, drawTexts, type Corners } from './annotations';
import { HEAT_RGBA } from './colors';

/** Position of the image on the canvas, in screen pixels. */
export interface Placed {
  x: number;
  y: number;
  width: number;
  height: number;
  /** Screen pixels per millimetre, if known. */
  perMm: number | undefined;
}

/** Share of the canvas left empty around the image. */
const MARGIN = 0.02;

export class SliceView {
  pixels: Pixels | undefined;
  slice = 0;
  window: DisplayWindow = { center: 40, width: 80 };
  heat: (HeatMap & { label: string }) | undefined;
  /** 0..1 of the hottest point. */
  opacity = 0.65;
  corners: Corners = {};

  private readonly image = document.createElement('canvas');
  private readonly overlay = document.createElement('canvas');
  private isAsked = false;

  constructor(private readonly canvas: HTMLCanvasElement) {
    new ResizeObserver(() => this.draw()).observe(canvas.parentElement!);
  }

  /** Draws once in the next frame, however often it is called. */
  draw(): void {
    if (this.isAsked) return;
    this.isAsked = true;
    requestAnimationFrame(() => {
      this.isAsked = false;
      this.drawNow();
    });
  }

  private drawNow(): void {
    const { canvas, pixels } = this;
    const { clientWidth, clientHeight } = canvas.parentElement!;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext('2d')!;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, clientWidth, clientHeight);
    if (pixels === undefined) return;
    const placed = place(pixels, clientWidth, clientHeight);
    const { x, y } = placed;
    context.imageSmoothingQuality = 'high';
    this.paintImage(pixels);
    context.drawImage(this.image, x, y, placed.width, placed.height);
    if (this.heat !== undefined && this.opacity > 0) {
      this.paintHeat(this.heat);
      context.globalAlpha = this.opacity;
      context.drawImage(this.overlay, x, y, placed.width, placed.height);
      context.globalAlpha = 1;
    }
    const size = { width: clientWidth, height: clientHeight };
    drawLetters(context, size, pixels.letters);
    drawScaleBar(context, size, placed);
    if (this.heat !== undefined) drawHeatScale(context, size, this.heat.label, this.opacity);
    drawTexts(context, size, this.corners);
  }

  private paintImage({ values, step, rows, columns }: Pixels): void {
    Object.assign(this.image, { width: columns, height: rows });
    const context = this.image.getContext('2d')!;
    const picture = context.createImageData(columns, rows);
    const { data } = picture;
    const { center, width } = this.window;
    const start = this.slice * rows * columns;
    const [scale, offset] = [(255 * step) / width, (-255 * (center - width / 2)) / width];
    for (let pixel = 0, at = 0; pixel < rows * columns; pixel++, at += 4) {
      const gray = values[start + pixel]! * scale + offset; // the array clamps and rounds
      data[at] = gray;
      data[at + 1] = gray;
      data[at + 2] = gray;
      data[at + 3] = 255;
    }
    context.putImageData(picture, 0, 0);
  }

  private paintHeat({ values, rows, columns }: HeatMap): void {
    Object.assign(this.overlay, { width: columns, height: rows });
    const context = this.overlay.getContext('2d')!;
    const picture = context.createImageData(columns, rows);
    const start = this.slice * rows * columns;
    for (let pixel = 0; pixel < rows * columns; pixel++) {
      const heat = 4 * values[start + pixel]!;
      picture.data.set(HEAT_RGBA.subarray(heat, heat + 4), 4 * pixel);
    }
    context.putImageData(picture, 0, 0);
  }
}

/** As large as possible, with the true aspect ratio of the pixels. */
function place({ rows, columns, spacing }: Pixels, width: number, height: number): Placed {
  const [row, column] = spacing ?? [1, 1];
  const [across, down] = [columns * column, rows * row];
  const scale = Math.min((width * (1 - 2 * MARGIN)) / across, (height * (1 - 2 * MARGIN)) / down);
  const size = { width: across * scale, height: down * scale };
  const corner = { x: (width - size.width) / 2, y: (height - size.height) / 2 };
  return { ...corner, ...size, perMm: spacing && scale };
}
