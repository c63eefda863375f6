import type { ModalityLut } from './modality_lut';
import type { DicomPixelFormat } from './pixel_format';
import type { ReportProblem } from '../problems';
import { HIGHEST_PLAUSIBLE_INTERCEPT } from './rescale';

/** Hounsfield units of air, by their definition. */
const AIR_HU = -1000;

/** Largest magnitude that occurs, even on an extended scale for metal. */
const MOST_HU = 32_000;

/** Least share of pixels in the range of wrapped air. */
const WRAPPED_SHARE = 0.05;

interface HounsfieldOptions {
  padding: 'keep' | 'air';
  lut: ModalityLut | undefined;
  /** Whether values are stored as words, whose unused bits are checked; codestreams have none. */
  asWords: boolean;
}

/**
 * Converts stored values to Hounsfield units.
 *
 * @param stored - As in the file, as unsigned integers.
 */
export function toHounsfield(
  stored: Uint8Array | Uint16Array,
  format: DicomPixelFormat,
  { padding, lut, asWords }: HounsfieldOptions,
  report: ReportProblem,
): Float32Array {
  const { values, isPadding, padded } = readValues(stored, format, asWords, report);
  const isWrapped = hasWrapped(values, format);
  const { rescaleSlope, rescaleIntercept } = format;
  const meaning = (value: number): number => {
    if (lut !== undefined) {
      return lut.values[Math.min(Math.max(value - lut.first, 0), lut.values.length - 1)]!;
    }
    return isWrapped ? ((value - AIR_HU) % 4096) + AIR_HU : value * rescaleSlope + rescaleIntercept;
  };
  const hu = new Float32Array(values.length);
  let impossible = 0;
  let severalKinds = false;
  let first: number | undefined;
  for (let i = 0; i < hu.length; i++) {
    hu[i] = meaning(values[i]!);
    if (isPadding?.[i] === 1 || Math.abs(hu[i]!) <= MOST_HU) continue;
    first ??= values[i]!;
    severalKinds ||= values[i] !== first;
    impossible++;
  }
  if (isWrapped) {
    report(
      'wrapped-values',
      `12 unsigned bits with intercept ${rescaleIntercept} cannot contain air, and many values are at least 3096: they are assumed ` +
        'to have wrapped by 4096, and the intercept to be 0',
    );
  }
  const isAir = padding === 'air';
  const done = isAir ? `set to ${AIR_HU} HU` : 'rescaled like all others';
  if (first !== undefined && !severalKinds) {
    const what = `pixels are ${first} (${meaning(first)} HU), which no PixelPaddingValue states`;
    report('pixel-padding', `${what}; assumed to be padding, they are ${done}`, impossible);
    if (isAir) for (let i = 0; i < hu.length; i++) if (values[i] === first) hu[i] = AIR_HU;
  } else if (impossible > 0) {
    report(
      'implausible-hu',
      `values are beyond ${MOST_HU} HU, up to ${extreme(hu)}, which no material has`,
      impossible,
    );
  }
  if (padded > 0) {
    report('pixel-padding', `pixels have the padding value and are ${done}`, padded);
    if (isAir) for (let i = 0; i < hu.length; i++) if (isPadding![i] === 1) hu[i] = AIR_HU;
  }
  return hu;
}

/** Stored values with their sign, and which of them are padding according to the header. */
function readValues(
  stored: Uint8Array | Uint16Array,
  { bitsStored, highBit, signed, ...format }: DicomPixelFormat,
  asWords: boolean,
  report: ReportProblem,
) {
  const [paddingLow, paddingHigh] = format.padding ?? [Infinity, -Infinity];
  const below = highBit + 1 - bitsStored; // bits to the right of the stored ones
  const above = 31 - highBit; // and to the left, in the 32 bits that JavaScript shifts
  const width = 8 * stored.BYTES_PER_ELEMENT;
  const all = 2 ** width - 1;
  const outside = all & ~((2 ** bitsStored - 1) << below);
  const values = new Int32Array(stored.length);
  const isPadding = format.padding && new Uint8Array(stored.length);
  let padded = 0;
  let dirty = 0;
  let cut = 0;
  for (let i = 0; i < values.length; i++) {
    const bits = stored[i]!;
    const shifted = bits << above;
    const value = signed ? shifted >> (above + below) : shifted >>> (above + below);
    values[i] = value;
    let pads = value >= paddingLow && value <= paddingHigh;
    // signed values are usually sign-extended above HighBit
    const asUsual = ((value << below) & all) === bits;
    if (!asUsual && (bits & outside) === 0) {
      cut++;
    } else if (!asUsual) {
      dirty++;
      // padding is often written regardless of BitsStored
      const asAllocated = signed ? (bits << (32 - width)) >> (32 - width) : bits;
      pads ||= asAllocated >= paddingLow && asAllocated <= paddingHigh;
    }
    if (!pads) continue;
    padded++;
    isPadding![i] = 1;
  }
  const bits = `the ${bitsStored} that end at bit ${highBit}`;
  if (cut > 0 && asWords) {
    const message = `pixels are negative by the first of ${bits}, but not by those before it: they are treated as negative`;
    report('bits-outside-stored', message, cut);
  }
  if (dirty > 0) {
    report('bits-outside-stored', `pixels use bits other than ${bits}, which are ignored`, dirty);
  }
  return { values, isPadding, padded };
}

/**
 * Whether values of 12 unsigned bits have wrapped, as in files of RSNA 2019 whose signed values (air is -1000) were
 * stored as unsigned, so that air is 4096 - 1000. No head has that much material denser than bone.
 */
function hasWrapped(values: Int32Array, format: DicomPixelFormat): boolean {
  const { bitsStored, signed, rescaleSlope, rescaleIntercept, table } = format;
  const offset = Math.abs(rescaleIntercept) < -HIGHEST_PLAUSIBLE_INTERCEPT;
  if (signed || bitsStored !== 12 || rescaleSlope !== 1 || !offset || table) return false;
  let count = 0;
  for (const value of values) if (value >= 4096 + AIR_HU) count++;
  return count >= WRAPPED_SHARE * values.length;
}

const extreme = (values: Float32Array) => {
  let most = 0;
  for (const value of values) if (Math.abs(value) > Math.abs(most)) most = value;
  return most;
};
