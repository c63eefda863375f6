// From HU to pixels for display.
import type { DicomHeader } from 'ct-multilabel/dicom';
import type { DisplayWindow, EdgeLetters, Pixels } from '../protocol';

/** The usual window for a head. */
const BRAIN: DisplayWindow = { center: 40, width: 80 };

type Vector = readonly [number, number, number];
export type Orientation = readonly [row: Vector, column: Vector];

/** A single decoded slice. */
interface Slice {
  hu: Float32Array;
  rows: number;
  columns: number;
  header: DicomHeader;
}

export function firstPixels({ hu, rows, columns, header }: Slice): Pixels {
  const { pixelSpacing, imageOrientation } = header;
  return {
    ...{ values: whole(hu, 1), step: 1, rows, columns },
    spacing: pixelSpacing,
    letters: imageOrientation && edgeLetters(imageOrientation),
    window: windowFor(header, hu, isAxialCt(header)),
  };
}

/** Whether nothing in a slice's header contradicts an axial CT slice. */
const isAxialCt = ({ modality = 'CT', imageType }: DicomHeader): boolean =>
  modality === 'CT' && !imageType.some((value) => /LOCALIZER|SCOUT/i.test(value));

/** Values as integers, `1 / step` for one HU. */
export function whole(values: Float32Array, step: number): Int16Array {
  const result = new Int16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    result[i] = Math.max(-32768, Math.min(32767, Math.round(values[i]! / step)));
  }
  return result;
}

/** The brain window for axial CT; otherwise the file's own or, without one, the range of the values. */
export function windowFor(
  { windowCenter, windowWidth }: Pick<DicomHeader, 'windowCenter' | 'windowWidth'>,
  values: Float32Array,
  isAxial: boolean,
): DisplayWindow {
  if (isAxial) return BRAIN;
  const [center, width] = [windowCenter[0], windowWidth[0]];
  if (center !== undefined && width !== undefined && width >= 1) return { center, width };
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { center: (low + high) / 2, width: Math.max(1, high - low) };
}

const AXES = [
  ['L', 'R'],
  ['P', 'A'],
  ['H', 'F'],
] as const;

/** Smallest component of a direction that gets a letter. */
const LEAST_PART = 0.35;

/** Letters of the patient's sides at the image's edges, from the directions of rows and columns. */
export function edgeLetters([row, column]: Orientation): EdgeLetters {
  const opposite = ([x, y, z]: Vector): Vector => [-x, -y, -z];
  return {
    right: lettersOf(row),
    left: lettersOf(opposite(row)),
    bottom: lettersOf(column),
    top: lettersOf(opposite(column)),
  };
}

function lettersOf(direction: Vector): string {
  return direction
    .map((part, axis) => ({ part: Math.abs(part), letter: AXES[axis]![part < 0 ? 1 : 0] }))
    .filter(({ part }) => part >= LEAST_PART)
    .sort((a, b) => b.part - a.part)
    .map(({ letter }) => letter)
    .join('');
}
