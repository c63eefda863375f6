import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import type { OpenCv } from './opencv';

/** How far slices are prepared: decoded at their own size; equalised and resized; augmented too. */
export const STEPS = ['decode', 'CLAHE and resize', 'augmentation'] as const;
export type Step = (typeof STEPS)[number];

const MODEL_SIDE = 224;

/** Prepares slices with sharp and OpenCV, as far as `step`: float32 values in 0..1 of all of them. */
export async function prepareWithOpenCv(
  cv: OpenCv,
  files: readonly string[],
  step: Step,
): Promise<Float32Array> {
  const slices: Float32Array[] = [];
  for (const file of files) {
    const { data, info } = await sharp(await readFile(file))
      .toColourspace('b-w')
      .raw()
      .toBuffer({ resolveWithObject: true });
    slices.push(prepare(cv, data, info.height, info.width, step));
  }
  const all = new Float32Array(slices.reduce((sum, slice) => sum + slice.length, 0));
  let at = 0;
  for (const slice of slices) {
    all.set(slice, at);
    at += slice.length;
  }
  return all;
}

function prepare(cv: OpenCv, grey: Uint8Array, height: number, width: number, step: Step): Float32Array {
  const source = new cv.Mat(height, width, cv.CV_8UC1);
  source.data.set(grey);
  const used = [source];
  const made = (rows: number, columns: number, type: number) => {
    const mat = new cv.Mat(rows, columns, type);
    used.push(mat);
    return mat;
  };
  let mat = made(height, width, cv.CV_32FC1);
  if (step === 'decode') source.convertTo(mat, cv.CV_32FC1, 1 / 255, 0);
  else {
    const equalised = made(height, width, cv.CV_8UC1);
    new cv.CLAHE(2, new cv.Size(8, 8)).apply(source, equalised);
    const float = mat;
    equalised.convertTo(float, cv.CV_32FC1, 1 / 255, 0);
    const size = new cv.Size(MODEL_SIDE, MODEL_SIDE);
    mat = made(MODEL_SIDE, MODEL_SIDE, cv.CV_32FC1);
    cv.resize(float, mat, size, 0, 0, cv.INTER_AREA);
    if (step === 'augmentation') {
      const flipped = made(MODEL_SIDE, MODEL_SIDE, cv.CV_32FC1);
      cv.flip(mat, flipped, 1);
      const centre = (MODEL_SIDE - 1) / 2;
      const matrix = cv.getRotationMatrix2D(new cv.Point(centre, centre), 33, 1.2);
      used.push(matrix);
      cv.warpAffine(flipped, mat, matrix, size);
      mat.convertTo(mat, cv.CV_32FC1, 1.1, 0);
      mat.convertTo(mat, cv.CV_32FC1, 0.9, 0.1 * cv.mean(mat)[0]!);
    }
  }
  const values = mat.data32F.slice();
  for (const one of used) one.delete();
  return values;
}
