import { createRequire } from 'node:module';

/** The part of `@techstark/opencv-js` that is used here. */
export interface OpenCv {
  Mat: new (rows: number, columns: number, type: number) => Mat;
  Size: new (width: number, height: number) => object;
  CLAHE: new (clipLimit: number, tiles: object) => { apply(source: Mat, out: Mat): void; delete(): void };
  getRotationMatrix2D(centre: object, angle: number, scale: number): Mat;
  Point: new (x: number, y: number) => object;
  warpAffine(source: Mat, out: Mat, matrix: Mat, size: object): void;
  flip(source: Mat, out: Mat, code: number): void;
  mean(source: Mat): number[];
  resize(source: Mat, out: Mat, size: object, fx: number, fy: number, method: number): void;
  CV_8UC1: number;
  CV_32FC1: number;
  INTER_AREA: number;
  onRuntimeInitialized: () => void;
}
export interface Mat {
  data: Uint8Array;
  data32F: Float32Array;
  convertTo(out: Mat, type: number, scale: number, shift: number): void;
  delete(): void;
}

/** OpenCV's module once it is ready; undefined if it is not installed. */
export async function openCv(): Promise<OpenCv | undefined> {
  let module: OpenCv | Promise<OpenCv>;
  try {
    module = createRequire(import.meta.url)('@techstark/opencv-js') as OpenCv | Promise<OpenCv>;
  } catch {
    return undefined;
  }
  if (module instanceof Promise) return module;
  // before version 5 it is an object that is filled asynchronously
  const ready = module;
  if (!ready.Mat) await new Promise<void>((resolve) => (ready.onRuntimeInitialized = resolve));
  return ready;
}
