import sharp, { type Sharp } from 'sharp';
import { DataError, type DataLocation } from '../../base/errors';
import { anything, optional, positiveInteger, resolveOptions, type Rules } from '../../base/options';
import { unitsOfBytes } from '../../kernels/byte_image/plain';
import { readFileBytes } from './file_bytes';

/**
 * A greyscale image.
 *
 * @inline
 */
export interface GrayImage {
  /** `height * width` values 0..1, row by row. */
  data: Float32Array;
  height: number;
  width: number;
}

/**
 * Options of {@link readGrayImage}.
 *
 * @inline
 */
export interface ReadGrayImageOptions {
  /**
   * Maximum number of pixels (width times height).
   * @defaultValue 64e6
   */
  maxPixels?: number;
  /** Patient, slice and row, added to error messages. */
  where?: DataLocation;
}

const RULES = {
  maxPixels: optional(positiveInteger, 64e6),
  where: optional(anything, {}),
} satisfies Rules<ReadGrayImageOptions>;

/**
 * Reads a JPEG or PNG file as gray values 0..1.
 *
 * Colour becomes luma, `0.299 R + 0.587 G + 0.114 B`; 16-bit PNG keeps its 65536 steps; transparency and EXIF
 * orientation are ignored. The format is recognised by content, not by name.
 *
 * @throws DataError if the file is missing, empty, neither JPEG nor PNG, damaged, truncated or too large.
 * @example
 * ```ts
 * const { data, height, width } = await readGrayImage('train/ID_049/049_0.jpg');
 * ```
 */
export async function readGrayImage(file: string, options: ReadGrayImageOptions = {}): Promise<GrayImage> {
  const { maxPixels, where } = resolveOptions('readGrayImage', options, RULES);
  const location = { file, ...where };
  return decodeGrayImage(await readFileBytes(file, 'image', location), { maxPixels, where: location });
}

/** {@link readGrayImage} for a file in memory. */
export async function decodeGrayImage(
  bytes: Uint8Array,
  options: ReadGrayImageOptions = {},
): Promise<GrayImage> {
  return grayImage(await decodePixels(bytes, options));
}

/** Gray values of pixels. */
export function grayImage(pixels: Pixels): GrayImage {
  const { height, width } = pixels;
  const data = new Float32Array(height * width);
  writeGray(pixels, data);
  return { data, height, width };
}

/** Decoded pixels in their stored precision, gray or the channels of a colour one after another. */
export interface Pixels {
  values: Uint8Array | Uint16Array;
  channels: number;
  height: number;
  width: number;
}

/** The pixels of an image file in memory, as accepted and refused by {@link readGrayImage}. */
export async function decodePixels(bytes: Uint8Array, options: ReadGrayImageOptions = {}): Promise<Pixels> {
  const { maxPixels, where: location } = resolveOptions('readGrayImage', options, RULES);
  if (bytes.length === 0) throw new DataError('the image file is empty', location);
  if (imageKind(bytes) === undefined) {
    throw new DataError('the file is neither a JPEG nor a PNG image', location);
  }
  try {
    // the strictest level: a damaged scan must not be accepted
    const image = sharp(bytes, { failOn: 'warning', limitInputPixels: maxPixels, ignoreIcc: true });
    return await toPixels(image, bytes, location);
  } catch (error) {
    if (error instanceof DataError) throw error;
    const reason = (error as Error).message;
    const message = reason.includes('exceeds pixel limit')
      ? `the image has more than ${maxPixels} pixels`
      : `the image cannot be decoded, it is damaged or truncated: ${reason}`;
    throw new DataError(message, location, { cause: error });
  }
}

/** Writes the gray value 0..1 of every pixel. */
function writeGray({ values, channels }: Pixels, out: Float32Array): void {
  if (channels === 1 && !(values instanceof Uint16Array)) return unitsOfBytes(values, out);
  const full = values instanceof Uint16Array ? 65535 : 255;
  if (channels === 1) {
    for (let i = 0; i < out.length; i++) out[i] = values[i]! / full;
  } else {
    for (let i = 0, at = 0; i < out.length; i++, at += channels) {
      out[i] = (0.299 * values[at]! + 0.587 * values[at + 1]! + 0.114 * values[at + 2]!) / full;
    }
  }
}

const JPEG = [0xff, 0xd8, 0xff];
const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const startsWith = (bytes: Uint8Array, magic: readonly number[]) => magic.every((b, i) => bytes[i] === b);

/** The kind of an image file by its first bytes; undefined for anything else. */
export function imageKind(bytes: Uint8Array): 'jpeg' | 'png' | undefined {
  if (startsWith(bytes, JPEG)) return 'jpeg';
  return startsWith(bytes, PNG) ? 'png' : undefined;
}

/** What the decoder says of a gray JPEG. */
const GRAY_JPEG = { space: 'b-w', depth: 'uchar' };

/** Segments that may precede a JPEG's frame header: tables, application data, comments. */
const BEFORE_FRAME = new Set([
  0xc4,
  0xcc,
  0xdb,
  0xdd,
  0xfe,
  ...Array.from({ length: 16 }, (_, i) => 0xe0 + i),
]);

/**
 * Whether a file's header says that it is a gray JPEG, the usual case: asking the decoder takes a tenth of the time of
 * decoding. False if the header is not understood.
 */
function isGrayJpeg(bytes: Uint8Array): boolean {
  if (imageKind(bytes) !== 'jpeg') return false;
  let at = 2;
  while (at + 9 < bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1]!;
    if (!BEFORE_FRAME.has(marker)) {
      // baseline, extended or progressive, of 8 bits and one component
      return marker >= 0xc0 && marker <= 0xc2 && bytes[at + 4] === 8 && bytes[at + 9] === 1;
    }
    at += 2 + 256 * bytes[at + 2]! + bytes[at + 3]!;
  }
  return false;
}

async function toPixels(image: Sharp, bytes: Uint8Array, location: DataLocation): Promise<Pixels> {
  const { space, depth } = isGrayJpeg(bytes) ? GRAY_JPEG : await image.metadata();
  const wide = depth === 'ushort';
  const gray = space === 'b-w' || space === 'grey16';
  if (!gray && space !== 'srgb' && space !== 'rgb16') {
    throw new DataError(`expected a gray or RGB image, found colour space ${space}`, location);
  }
  // explicit, since the library would otherwise convert gray to RGB and 16 bits to 8
  const target = gray ? (wide ? 'grey16' : 'b-w') : wide ? 'rgb16' : 'srgb';
  const { data, info } = await image
    .removeAlpha()
    .toColourspace(target)
    .raw({ depth: wide ? 'ushort' : 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const values = wide ? new Uint16Array(new Uint8Array(data).buffer) : data;
  return { values, channels, height, width };
}
