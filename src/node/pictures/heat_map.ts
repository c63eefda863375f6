import * as tf from '@tensorflow/tfjs';
import { check } from '../../base/checks';
import { optional, positiveInteger, resolveOptions, rule, share, type Rules } from '../../base/options';
import { grayLevel, HEAT_OPACITY, overlaid, unit } from '../../drawing/heat_colors';
import { drawScale, scaleSize } from './heat_scale';
import { blankPicture, drawTile, pngOf, textSize, WHITE, writePicture, type TextSize } from './picture';
import { drawText, textWidth, type Canvas, type Rgb } from '../../drawing/pixel_text';

/**
 * A stack to draw, with its maps.
 *
 * @inline
 */
export interface HeatMapStack {
  /** Written above the slices. */
  title: string;
  /**
   * `[slices, height, width, channels]`, 0..1; the first channel is drawn, which must be the slice's own even if
   * neighbours are channels.
   */
  images: tf.Tensor4D;
  /** `[slices, height, width]`, 0..1, as from `gradCam`. */
  maps: tf.Tensor3D;
  /** Nonzero inside lesions, `slices * height * width`: their outlines are drawn. */
  masks?: ArrayLike<number>;
  /**
   * Written under each slice.
   * @defaultValue its number, from 1
   */
  captions?: readonly string[];
}

/**
 * Options of {@link writeHeatMaps}.
 *
 * @inline
 */
export interface HeatMapOptions {
  /**
   * Maximum number of slices side by side; the rest continue below.
   * @defaultValue as many as fit in 1600 pixels, at most 12
   */
  columns?: number;
  /**
   * Pixels of the picture per pixel of an image; text grows with it.
   * @defaultValue 1
   */
  zoom?: number;
  /**
   * Opacity of the colour where a map is 1, 0 to 1; proportionally less for smaller values.
   * @defaultValue 0.6
   */
  opacity?: number;
  /**
   * Text above the colour scale: the meaning of a map's values.
   * @defaultValue '1: hottest point of the stack', as `gradCam` and `integratedGradients` have it
   */
  legend?: string;
}

const RULES = {
  columns: optional(positiveInteger),
  zoom: optional(positiveInteger, 1),
  opacity: optional(share, HEAT_OPACITY),
  legend: optional(
    rule<string>('a text', (value) => typeof value === 'string'),
    '1: hottest point of the stack',
  ),
} satisfies Rules<HeatMapOptions>;

/**
 * Default limits of the width in pixels and of the columns: a wider picture would be shrunk when shown, with its
 * captions.
 */
const [MOST_WIDTH, MOST_COLUMNS] = [1600, 12];

/** Outline of a lesion: a hue that Inferno does not have. */
const OUTLINE: Rgb = [86, 180, 233];

/**
 * Draws stacks with their maps, as a PNG: each slice, and below it the slice with the map overlaid in colour; at the
 * bottom a colour scale, over the grey of the brain.
 *
 * @param file - Path of the PNG, which is written atomically.
 * @throws ArgumentError for tensors or lists that do not match, an option out of range, or a picture of more than 200
 * megapixels.
 * @example
 * ```ts
 * const maps = gradCam(model, images, { label: 0 });
 * await writeHeatMaps('where.png', [{ title: 'ID_001: ich', images, maps }], { zoom: 2 });
 * ```
 */
export async function writeHeatMaps(
  file: string,
  stacks: readonly HeatMapStack[],
  options: HeatMapOptions = {},
): Promise<{ width: number; height: number }> {
  const canvas = await heatMapPicture('writeHeatMaps', stacks, options);
  await writePicture(file, canvas);
  return { width: canvas.width, height: canvas.height };
}

/**
 * As {@link writeHeatMaps}, but returns the bytes of the PNG file, for a page that embeds its pictures.
 *
 * @throws ArgumentError as {@link writeHeatMaps}.
 * @example
 * ```ts
 * const png = await heatMapPng([{ title: 'ID_001: ich', images, maps }]);
 * const url = `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
 * ```
 */
export async function heatMapPng(
  stacks: readonly HeatMapStack[],
  options: HeatMapOptions = {},
): Promise<Uint8Array> {
  return pngOf(await heatMapPicture('heatMapPng', stacks, options));
}

async function heatMapPicture(
  fn: string,
  stacks: readonly HeatMapStack[],
  options: HeatMapOptions,
): Promise<Canvas> {
  const { columns, zoom, opacity, legend } = resolveOptions(fn, options, RULES);
  check(Array.isArray(stacks) && stacks.length > 0, `${fn}: stacks`, 'one or more stacks', stacks);
  stacks.forEach((stack, i) => checkStack(`${fn}: stacks[${i}]`, stack));

  const text = textSize(zoom);
  const blocks = await Promise.all(stacks.map((stack) => readBlock(stack, { columns, zoom, text })));
  const scale = scaleSize(text, legend);
  const widths = blocks.map(({ columns, cell, title }) =>
    Math.max(columns * cell, textWidth(title, text.scale) + 2 * text.margin),
  );
  const tops = [0];
  for (const block of blocks) tops.push(tops.at(-1)! + blockHeight(block, text));
  const canvas = blankPicture(fn, Math.max(scale.width, ...widths), tops.at(-1)! + scale.height);
  blocks.forEach((block, i) => drawBlock(canvas, block, { top: tops[i]!, zoom, opacity, text }));
  drawScale(canvas, { top: tops.at(-1)!, text, legend, opacity });
  return canvas;
}

/** A stack prepared for drawing. */
interface Block {
  title: string;
  captions: readonly string[];
  /** Size of an image, and its size in the picture, in pixels. */
  size: readonly [height: number, width: number];
  height: number;
  width: number;
  /** Distance from one image to the next, which leaves room for the caption of a small one. */
  cell: number;
  columns: number;
  /** Values by slice. */
  gray: (slice: number, pixel: number) => number;
  heat: (slice: number, pixel: number) => number;
  isLesion: (slice: number, pixel: number) => boolean;
}

function checkStack(what: string, { images, maps, masks, captions }: HeatMapStack): void {
  check(images instanceof tf.Tensor && images.rank === 4 && images.size > 0, `${what}: images`, '[slices, height, width, channels]', images); // prettier-ignore
  const shape = images.shape.slice(0, 3);
  const fits = maps instanceof tf.Tensor && maps.shape.join() === shape.join();
  check(fits, `${what}: maps`, `[${shape.join(', ')}], like the images`, maps);
  const size = shape.reduce((product, n) => product * n, 1);
  check(masks === undefined || masks.length === size, `${what}: masks`, `${size} values`, masks?.length);
  check(captions === undefined || captions.length === shape[0], `${what}: captions`, `${shape[0]} texts`, captions); // prettier-ignore
}

async function readBlock(
  stack: HeatMapStack,
  { columns, zoom, text }: { columns: number | undefined; zoom: number; text: TextSize },
): Promise<Block> {
  const { title, images, maps, masks } = stack;
  const [slices, height, width, channels] = images.shape;
  const [pixels, heat] = await Promise.all([images.data(), maps.data()]);
  const area = height * width;
  const captions = stack.captions ?? Array.from({ length: slices }, (_, slice) => String(slice + 1));
  const longest = Math.max(...captions.map((caption) => textWidth(caption, text.scale)));
  const fits = longest + 2 * text.margin <= width * zoom;
  const cell = fits ? width * zoom : longest + 4 * text.margin;
  const fitting = Math.max(1, Math.min(MOST_COLUMNS, Math.floor(MOST_WIDTH / cell)));
  return {
    title,
    captions,
    cell,
    size: [height, width],
    height: height * zoom,
    width: width * zoom,
    columns: Math.min(columns ?? fitting, slices),
    gray: (slice, pixel) => grayLevel(pixels[(slice * area + pixel) * channels]!),
    heat: (slice, pixel) => unit(heat[slice * area + pixel]!),
    isLesion: (slice, pixel) => (masks?.[slice * area + pixel] ?? 0) !== 0,
  };
}

/** A block has a title, then lines of slices: without and with their maps, and a caption. */
const titleHeight = ({ line, margin }: TextSize) => line + margin;
const lineHeight = ({ height }: Block, { line, margin }: TextSize) => 2 * height + line + margin;
const blockHeight = (block: Block, text: TextSize) =>
  titleHeight(text) + Math.ceil(block.captions.length / block.columns) * lineHeight(block, text);

function drawBlock(
  canvas: Canvas,
  block: Block,
  { top, zoom, opacity, text }: { top: number; zoom: number; opacity: number; text: TextSize },
): void {
  const { scale, margin } = text;
  drawText(canvas, block.title, margin, top + margin, WHITE, scale);
  const [, across] = block.size;
  block.captions.forEach((caption, slice) => {
    const left = (slice % block.columns) * block.cell;
    const y0 = top + titleHeight(text) + Math.floor(slice / block.columns) * lineHeight(block, text);
    const pixelAt = (y: number, x: number) => Math.floor(y / zoom) * across + Math.floor(x / zoom);
    const isLesion = (y: number, x: number) => block.isLesion(slice, pixelAt(y, x));
    const size = [block.height, block.width] as const;
    const drawn = (paint: (pixel: number) => Rgb) => (y: number, x: number) =>
      isOutline(isLesion, size, y, x) ? OUTLINE : paint(pixelAt(y, x));
    const plain = (pixel: number): Rgb => {
      const gray = block.gray(slice, pixel);
      return [gray, gray, gray];
    };
    drawTile(canvas, size, left, y0, drawn(plain));
    const heated = (pixel: number) => overlaid(block.gray(slice, pixel), block.heat(slice, pixel), opacity);
    drawTile(canvas, size, left, y0 + block.height, drawn(heated));
    drawText(canvas, caption, left + margin, y0 + 2 * block.height + margin, WHITE, scale);
  });
}

/** Whether a pixel belongs to a lesion and has a neighbour that does not, or lies outside the image. */
function isOutline(
  isLesion: (y: number, x: number) => boolean,
  [height, width]: readonly [number, number],
  y: number,
  x: number,
): boolean {
  if (!isLesion(y, x)) return false;
  const atEdge = y === 0 || x === 0 || y === height - 1 || x === width - 1;
  return (
    atEdge || ![y - 1, y + 1].every((v) => isLesion(v, x)) || ![x - 1, x + 1].every((u) => isLesion(y, u))
  );
}
