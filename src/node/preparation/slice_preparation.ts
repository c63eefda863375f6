import * as tf from '@tensorflow/tfjs';
import type { DataLocation } from '../../base/errors';
import type { HuWindow } from '../../transforms/hu_window';
import { neighborSlices } from '../../transforms/neighbor_slices';
import { prepareSlices, type CtPreprocessing } from '../../transforms/preprocessing';
import { applyAugmentation } from '../../transforms/random_augment';
import { plainValues, storedValues, type Precision } from '../../base/stored_values';
import type { AugmentationDraw } from '../../base/types';
import { parseDicom, type ParsedDicom } from '../../dicom/dicom_header';
import { decodeFrame } from '../../dicom/pixels/decode_slice';
import type { DicomProblemKind } from '../../dicom/problems';
import { turnOf, turnPlane, type Plane, type Turn } from '../../dicom/series/turn';
import { mapByFile } from '../../dicom/files/by_file';
import { readFileBytes } from '../files/file_bytes';
import { byteImage } from '../../kernels/byte_image/plain';
import { decodePixels, grayImage } from '../files/image_file';
import { SliceCache, type CachedFile } from './slice_cache';

/**
 * Format of a slice's file: a JPEG or PNG image in 0..1, or a DICOM image in Hounsfield units.
 *
 * @inline
 */
export type SliceFormat = 'image' | 'dicom';

/** The file of a slice. */
export interface SliceToPrepare {
  /** Full path. */
  file: string;
  /** Index of the frame in a multi-frame file, from 0. */
  frame?: number;
  format: SliceFormat;
  /** Location for errors. */
  where: DataLocation;
}

/** How slices are prepared: plain data, so that it can be sent to a worker thread. */
export interface PreparationSettings {
  preprocessing: CtPreprocessing;
  /** The window of JPEG or PNG images, if the preprocessing needs HU. */
  imageWindow?: HuWindow;
  /** Turn that brings JPEG or PNG images to the standard orientation. */
  imageTurn?: Turn;
  /** Kinds of DICOM error to accept. */
  allow?: readonly DicomProblemKind[];
  /** Folder of prepared slices, see {@link SliceCache}. */
  cacheFolder?: string;
  /** Precision of values in the cache. */
  cachePrecision?: Precision;
}

/** A requested stack: plain data. */
export interface StackRequest {
  /** The requested slices, with the neighbours that the preprocessing needs, in order. */
  slices: SliceToPrepare[];
  /**
   * Ranges `[first, end)` of consecutive slices in `slices`, and the requested one in each; if missing, all slices of
   * one stack.
   */
  picks?: { first: number; end: number; wanted: number }[];
  /** Augmentation applied to the stack at the end. */
  draw?: AugmentationDraw;
}

/** The files to read for some slices of a stack of `count`, neighbours included. */
export function requestSlices(
  stack: readonly SliceToPrepare[],
  indices: readonly number[] | undefined,
  { neighbors }: CtPreprocessing,
  draw?: AugmentationDraw,
): StackRequest {
  if (indices === undefined) return { slices: [...stack], draw };
  if (neighbors === 0) return { slices: indices.map((index) => stack[index]!), draw };
  // each file once, also if it is a neighbour of several slices
  const needed = new Set<number>();
  const ranges = indices.map((index) => {
    const range = {
      first: Math.max(0, index - neighbors),
      end: Math.min(stack.length, index + neighbors + 1),
      index,
    };
    for (let i = range.first; i < range.end; i++) needed.add(i);
    return range;
  });
  const order = [...needed].sort((a, b) => a - b);
  const place = new Map(order.map((index, i) => [index, i]));
  const picks = ranges.map(({ first, end, index }) => ({
    first: place.get(first)!,
    end: place.get(end - 1)! + 1,
    wanted: place.get(index)!,
  }));
  return { slices: order.map((index) => stack[index]!), picks, draw };
}

/** Files decoded at the same time; more would only fill the memory, since decoding has few threads. */
const DECODING_AT_ONCE = 4;

/** Reads, decodes and preprocesses slices with fixed settings. The caller disposes the results. */
export class SlicePreparation {
  private readonly cache: SliceCache | undefined;

  constructor(private readonly settings: PreparationSettings) {
    const { cacheFolder, cachePrecision, imageWindow, imageTurn, allow, preprocessing } = settings;
    const { neighbors: _, edge: __, ...ofEachSlice } = preprocessing;
    this.cache =
      cacheFolder === undefined
        ? undefined
        : new SliceCache(cacheFolder, { imageWindow, imageTurn, allow, ...ofEachSlice }, cachePrecision);
  }

  /** `[slices, height, width, channels]`. */
  async prepare({ slices, picks, draw }: StackRequest): Promise<tf.Tensor4D> {
    const { neighbors: radius, edge } = this.settings.preprocessing;
    const prepared = await mapByFile(
      slices,
      DECODING_AT_ONCE,
      (ofFile) => this.slicesOf(ofFile),
      (slice) => slice.dispose(),
    );
    try {
      return tf.tidy(() => {
        const stack = (first: number, end: number) =>
          neighborSlices(tf.stack(prepared.slice(first, end)) as tf.Tensor4D, { radius, edge });
        const images = picks
          ? (tf.concat(
              picks.map(({ first, end, wanted }) =>
                tf.slice(stack(first, end), [wanted - first, 0, 0, 0], [1, -1, -1, -1]),
              ),
            ) as tf.Tensor4D)
          : stack(0, prepared.length);
        return draw ? applyAugmentation(images, draw) : images;
      });
    } finally {
      tf.dispose(prepared);
    }
  }

  /** `[height, width, channels]` of each of a file's slices. */
  private async slicesOf(ofFile: readonly SliceToPrepare[]): Promise<tf.Tensor3D[]> {
    const { file, format, where } = ofFile[0]!;
    // an error of a multi-frame file concerns all its frames
    const location = { file, ...where, slice: ofFile.length === 1 ? where.slice : undefined };
    const bytes = await readFileBytes(file, format === 'dicom' ? 'DICOM' : 'image', location);
    const cached = this.cache?.of(bytes);
    let parsed: ParsedDicom | undefined;
    const decode = (slice: SliceToPrepare) => {
      if (format === 'image') return this.picture(bytes, location);
      parsed ??= parseDicom(bytes, location, bytes.length);
      return this.frame(parsed, slice);
    };
    const made: tf.Tensor3D[] = [];
    try {
      for (const slice of ofFile) made.push(await this.slice(slice, cached, decode));
    } catch (error) {
      tf.dispose(made);
      throw error;
    }
    return made;
  }

  private async slice(
    slice: SliceToPrepare,
    cached: CachedFile | undefined,
    decode: (slice: SliceToPrepare) => Promise<tf.Tensor3D>,
  ): Promise<tf.Tensor3D> {
    const found = await cached?.get(slice.frame);
    if (found) return tf.tensor3d(plainValues(found.values), found.shape);
    const decoded = await decode(slice);
    let prepared: tf.Tensor3D;
    try {
      prepared = tf.tidy(() => prepareSlices(decoded, this.settings.preprocessing));
    } finally {
      decoded.dispose();
    }
    if (!cached) return prepared;
    const { cachePrecision = 'float32' } = this.settings;
    const { shape } = prepared;
    try {
      const values = storedValues((await prepared.data()) as Float32Array, cachePrecision);
      await cached.put({ values, shape }, slice.frame);
      if (cachePrecision === 'float32') return prepared.clone();
      // the same values as later from the cache
      return tf.tensor3d(plainValues(values), shape);
    } finally {
      prepared.dispose();
    }
  }

  /** A frame of a DICOM file in the standard orientation, in HU. */
  private async frame(parsed: ParsedDicom, { file, frame, where }: SliceToPrepare): Promise<tf.Tensor3D> {
    // pixels outside the scanned circle must not look like bone, whatever their value
    const options = { padding: 'air', allow: this.settings.allow ?? [], frame } as const;
    const { header, hu, rows, columns } = await decodeFrame(parsed, { file, ...where }, options);
    return toTensor(
      { values: hu, rows, columns },
      header.imageOrientation && turnOf(header.imageOrientation),
    );
  }

  /** A JPEG or PNG image in the standard orientation, in the unit that the preprocessing expects. */
  private async picture(bytes: Uint8Array, where: DataLocation): Promise<tf.Tensor3D> {
    const { imageWindow, imageTurn, preprocessing } = this.settings;
    const pixels = await decodePixels(bytes, { where });
    const { values, channels, height: rows, width: columns } = pixels;
    const image =
      values instanceof Uint8Array && channels === 1 && imageTurn === undefined
        ? byteImage<tf.Tensor3D>(values, [rows, columns, 1])
        : toTensor({ values: grayImage(pixels).data, rows, columns }, imageTurn);
    if (preprocessing.windows === false || imageWindow === undefined) return image;
    const { center, width: span } = imageWindow;
    const hu = tf.tidy(() => tf.add(tf.mul(image, span), center - span / 2) as tf.Tensor3D);
    image.dispose();
    return hu;
  }
}

function toTensor(stored: Plane, turn: Turn | undefined): tf.Tensor3D {
  const { values, rows, columns } = turn ? turnPlane(stored, turn) : stored;
  return tf.tensor3d(values, [rows, columns, 1]);
}
