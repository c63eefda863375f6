import { ownChannels } from '../../data/sources/own_channels';
import { patientLabels, type PatientSource } from '../../data/sources/patient_source';
import { check } from '../../base/checks';
import { anything, callback, optional, positiveInteger, resolveOptions } from '../../base/options';
import type { Rules } from '../../base/options';
import { blankPicture, drawTile, GRAY, LINE, MARGIN, SCALE, WHITE, writePicture } from './picture';
import { drawText, textWidth, type Canvas, type Rgb } from '../../drawing/pixel_text';

/**
 * Options of {@link writeContactSheet}.
 *
 * @inline
 */
export interface ContactSheetOptions {
  /**
   * Patients to draw, one per row.
   * @defaultValue the first 12
   */
  patients?: readonly string[];
  /**
   * Maximum number of slices per patient; if there are more, this many are drawn at equal distances, including the
   * first and the last.
   * @defaultValue 16
   */
  slices?: number;
  /** Called after each patient. */
  onProgress?: (progress: { patient: string; done: number; total: number }) => void;
}

const RULES = {
  patients: optional(anything),
  slices: optional(positiveInteger, 16),
  onProgress: optional(callback),
} satisfies Rules<ContactSheetOptions>;

/**
 * Result of {@link writeContactSheet}.
 *
 * @inline
 */
export interface ContactSheet {
  /** Width of the picture in pixels. */
  width: number;
  height: number;
  patients: number;
  slices: number;
}

/** Okabe and Ito's palette, which colour-blind readers can distinguish. */
const LABEL_COLORS: readonly Rgb[] = [
  [230, 159, 0],
  [86, 180, 233],
  [0, 200, 140],
  [240, 228, 66],
  [213, 94, 0],
  [204, 121, 167],
];

/**
 * Draws patients as rows of slices with the labels of each slice under it, as a PNG: an overview of a source.
 *
 * For each slice the first channel that belongs to it, not to a neighbour, is drawn, at the size set by the source's
 * preprocessing.
 *
 * @param file - Path of the PNG, which is written atomically.
 * @throws ArgumentError for an option out of range, or a picture of more than 200 megapixels.
 * @example
 * ```ts
 * const preprocessing = createPreprocessing({ imageSize: [128, 128], clahe: false });
 * await writeContactSheet('sheet.png', await openKaggleFolder('data', { preprocessing }));
 * ```
 */
export async function writeContactSheet(
  file: string,
  source: PatientSource,
  options: ContactSheetOptions = {},
): Promise<ContactSheet> {
  const fn = 'writeContactSheet';
  const { slices: most, onProgress, ...given } = resolveOptions(fn, options, RULES);
  const { patients = source.patients.slice(0, 12) } = given;
  const known = new Set(source.patients);
  const listed =
    Array.isArray(patients) && patients.length > 0 && patients.every((patient) => known.has(patient));
  check(listed, `${fn}: patients`, 'patients of the source', patients);

  const rows: Row[] = [];
  for (const patient of patients) {
    rows.push(await readRow(source, patient, most));
    onProgress?.({ patient, done: rows.length, total: patients.length });
  }
  const [tileHeight, tileWidth] = [0, 1].map((side) => Math.max(...rows.map(({ size }) => size[side]!))) as [
    number,
    number,
  ];
  const columns = Math.max(...rows.map(({ tiles }) => tiles.length));
  const captions = rows.map((row) => captionOf(row, source));
  const rowHeight = 2 * LINE + tileHeight + MARGIN;
  const width = Math.max(columns * tileWidth, ...captions.map((text) => textWidth(text, SCALE) + 2 * MARGIN));
  const height = rows.length * rowHeight;
  const canvas = blankPicture(fn, width, height);

  rows.forEach((row, r) => {
    const top = r * rowHeight;
    drawText(canvas, captions[r]!, MARGIN, top + MARGIN, WHITE, SCALE);
    row.tiles.forEach((tile, column) => {
      const left = column * tileWidth;
      drawTile(canvas, row.size, left, top + LINE, (y, x) => {
        const gray = tile.pixels[y * row.size[1] + x]!;
        return [gray, gray, gray];
      });
      drawLabels(canvas, tile, source.labels, left, top + LINE + tileHeight + MARGIN / 2, tileWidth);
    });
  });
  await writePicture(file, canvas);
  const drawn = rows.reduce((sum, { tiles }) => sum + tiles.length, 0);
  return { width, height, patients: rows.length, slices: drawn };
}

/** Slices of a patient to draw. */
interface Row {
  patient: string;
  /** Total number of slices of the patient. */
  count: number;
  size: [height: number, width: number];
  tiles: Tile[];
}

interface Tile {
  /** Index among the patient's slices, from 0. */
  index: number;
  /** Grey values 0..255. */
  pixels: Uint8ClampedArray;
  labels: readonly number[] | undefined;
}

async function readRow(source: PatientSource, patient: string, most: number): Promise<Row> {
  const count = source.sliceNames(patient).length;
  const indices = evenly(count, most);
  const all = indices.length === count || source.loadSlices === undefined;
  const stack = all ? await source.load(patient) : await source.loadSlices!(patient, indices);
  const [, height, width, channels] = stack.images.shape;
  const [own] = ownChannels(source, channels);
  const values = await stack.images.data();
  stack.images.dispose();
  stack.labels?.dispose();
  const labels = source.sliceLabels(patient);
  const tiles = indices.map((index, i) => {
    const start = (all ? index : i) * height * width;
    const grey = (_: unknown, pixel: number) => 255 * values[(start + pixel) * channels + own]!;
    return {
      index,
      labels: labels?.[index],
      pixels: Uint8ClampedArray.from({ length: height * width }, grey),
    };
  });
  return { patient, count, size: [height, width], tiles };
}

/** At most `most` of `count` indices, evenly spaced, including the first and the last. */
function evenly(count: number, most: number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, i) => i);
  if (most === 1) return [Math.floor((count - 1) / 2)];
  return Array.from({ length: most }, (_, i) => Math.round((i * (count - 1)) / (most - 1)));
}

function captionOf({ patient, count }: Row, source: PatientSource): string {
  const labelled = source.sliceLabels(patient) !== undefined || source.labelsOf?.(patient) !== undefined;
  const found = labelled
    ? source.labels.filter((_, i) => patientLabels(source, patient)[i] === 1)
    : undefined;
  const labels = found === undefined ? 'no labels' : found.join(' ') || 'none of the labels';
  return `${patient}: ${count} slice${count === 1 ? '' : 's'}, ${labels}`;
}

/** Writes the number of the slice, then its labels in their colours, as many as fit. */
function drawLabels(
  canvas: Canvas,
  { index, labels }: Tile,
  names: readonly string[],
  left: number,
  y: number,
  room: number,
): void {
  const words: { text: string; color: Rgb }[] = [{ text: String(index + 1), color: GRAY }];
  names.forEach((text, i) => {
    if (labels?.[i] === 1) words.push({ text, color: LABEL_COLORS[i % LABEL_COLORS.length]! });
  });
  let x = left + MARGIN;
  for (const { text, color } of words) {
    if (x + textWidth(text, SCALE) > left + room) return;
    drawText(canvas, text, x, y, color, SCALE);
    x += textWidth(text, SCALE) + 3 * SCALE;
  }
}
