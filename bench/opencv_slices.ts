import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { mapAtMost } from '../src/base/map_at_most';
import type { Mat, OpenCv } from './opencv';

/** Steps of preparing slices: decoded at their own size; also equalised and resized; also augmented. */
export const STEPS = ['decode', 'CLAHE and resize', 'augmentation'] as const;
export type Step = (typeof STEPS)[number];

const MODEL_SIDE = 224;

/** Slices of a stack one after another, float32 values in 0..1, and the size of each. */
export interface PreparedStack {
  values: Float32Array<ArrayBuffer>;
  size: [height: number, width: number];
}

/** Files decoded at the same time, as many as by ours. */
const DECODING_AT_ONCE = 4;

/** Prepares slices of one size with sharp and OpenCV, as far as `step`. Each is written to its place in the stack immediately. */
export async function prepareWithOpenCv(
  cv: OpenCv,
  files: readonly string[],
  step: Step,
): Promise<PreparedStack> {
  let stack: PreparedStack | undefined;
  await mapAtMost([...files.entries()], DECODING_AT_ONCE, async ([place, file]) => {
    const { data, info } = await sharp(await readFile(file))
      .toColourspace('b-w')
      .raw()
      .toBuffer({ resolveWithObject: true });
    const size: PreparedStack['size'] =
      step === 'decode' ? [info.height, info.width] : [MODEL_SIDE, MODEL_SIDE];
    const length = size[0] * size[1];
    stack ??= { values: new Float32Array(files.length * length), size };
    const { values } = stack;
    prepare(cv, data, info.height, info.width, step, (slice) => values.set(slice, place * length));
  });
  return stack!;
}

function prepare(
  cv: OpenCv,
  grey: Uint8Array,
  height: number,
  width: number,
  step: Step,
  take: (values: Float32Array) => void,
): void {
  const source = new cv.Mat(height, width, cv.CV_8UC1);
  source.data.set(grey);
  const used: { delete(): void }[] = [source];
  const made = (rows: number, columns: number, type: number) => {
    const mat = new cv.Mat(rows, columns, type);
    used.push(mat);
    return mat;
  };
  let mat: Mat = made(height, width, cv.CV_32FC1);
  if (step === 'decode') source.convertTo(mat, cv.CV_32FC1, 1 / 255, 0);
  else {
    const equalised = made(height, width, cv.CV_8UC1);
    const clahe = new cv.CLAHE(2, new cv.Size(8, 8));
    used.push(clahe);
    clahe.apply(source, equalised);
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
  take(mat.data32F);
  for (const one of used) one.delete();
}
