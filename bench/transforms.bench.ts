/**
 * CLAHE compared with OpenCV's compiled to WebAssembly, augmentation in one step compared with separate steps, and resizing,
 * on the wasm backend in the same run:
 *
 *   npx tsx bench/transforms.bench.ts
 */
import * as tf from '@tensorflow/tfjs';
import { affine, applyAugmentation, clahe, colorJitter, flip, resize, seededRandom } from 'ct-multilabel';
import { useBackend } from 'ct-multilabel/node';
import { compare } from './compare';
import { openCv, type OpenCv } from './opencv';

const [slices, side, modelSide] = [32, 512, 224];
await useBackend('wasm');
const cv = await openCv();
console.log(`Node ${process.version}, backend ${tf.getBackend()}`);

const head = headLike(side);
const one = tf.tensor4d(
  Float32Array.from(head, (grey) => grey / 255),
  [1, side, side, 1],
);
const stack = tf.tile(one, [slices, 1, 1, 1]);
const peer = cv && claheOf(cv, head);
if (peer) {
  peer.apply();
  const ours = tf.tidy(() => tf.round(tf.mul(clahe(one), 255)).dataSync());
  const differing = ours.filter((grey, i) => grey !== peer.out.data[i]).length;
  if (differing > 0) throw new Error(`${differing} pixels are not OpenCV's`);
}
await compare(
  `CLAHE, ${side} x ${side}`,
  { clahe: () => clahe(one).dispose(), 'opencv-js': peer?.apply },
  { rounds: 40, bars: { 'opencv-js': 1 } },
);
await compare(
  `CLAHE, stack of ${slices} slices ${side} x ${side}`,
  {
    clahe: () => clahe(stack).dispose(),
    'opencv-js': peer && (() => Array.from({ length: slices }, peer.apply) && undefined),
  },
  { rounds: 10, bars: { 'opencv-js': 1 }, per: { count: slices, unit: 'slice' } },
);
tf.dispose([one, stack]);

const draw = {
  horizontalFlip: true,
  verticalFlip: false,
  angle: 33,
  scale: 1.2,
  brightness: 1.1,
  contrast: 0.9,
  fill: 0,
};
for (const from of [modelSide, 192]) {
  const images = tf.randomUniform<tf.Rank.R4>([slices, from, from, 1]);
  const size: [number, number] = [modelSide, modelSide];
  const apart =
    from === modelSide ? 'flip, rotation, scale, jitter' : 'flip, resize, rotation, scale, jitter';
  const [opsOfTensorFlow, ours] = [`tf's ${apart} apart`, `our ${apart} apart`];
  await compare(
    `augmentation, ${slices} slices ${from} x ${from} to ${modelSide} x ${modelSide}`,
    {
      applyAugmentation: () => applyAugmentation(images, draw, { size }).dispose(),
      [opsOfTensorFlow]: () => tf.tidy(() => void opsOfTf(images, size)),
      [ours]: () => tf.tidy(() => void transformsApart(images, size)),
    },
    { rounds: 10, bars: { [opsOfTensorFlow]: 2 } },
  );
  images.dispose();
}

const large = tf.randomUniform<tf.Rank.R4>([1, 650, 650, 1]);
await compare(
  `resize, 650 x 650 to ${modelSide} x ${modelSide}`,
  {
    'resize (antialiased)': () => resize(large, [modelSide, modelSide]).dispose(),
    'opencv-js (INTER_AREA)': cv && resizeOf(cv, large),
  },
  { rounds: 40 },
);

/** A bright ring with noise inside, on black, as in a CT slice. */
function headLike(size: number): Uint8Array {
  const random = seededRandom(1);
  return Uint8Array.from({ length: size * size }, (_, i) => {
    const radius = Math.hypot((i % size) / size - 0.5, Math.floor(i / size) / size - 0.5);
    if (radius > 0.42) return 0;
    return radius > 0.38 ? 230 : 90 + 40 * random();
  });
}

function claheOf({ Mat, Size, CLAHE, CV_8UC1 }: OpenCv, grey: Uint8Array) {
  const source = new Mat(side, side, CV_8UC1);
  source.data.set(grey);
  const out = new Mat(side, side, CV_8UC1);
  const equaliser = new CLAHE(2, new Size(8, 8));
  return { out, apply: () => equaliser.apply(source, out) };
}

function resizeOf(opencv: OpenCv, image: tf.Tensor4D): () => void {
  const { Mat, Size, CV_32FC1, INTER_AREA } = opencv;
  const source = new Mat(image.shape[1], image.shape[2], CV_32FC1);
  source.data32F.set(image.dataSync());
  const out = new Mat(modelSide, modelSide, CV_32FC1);
  return () => opencv.resize(source, out, new Size(modelSide, modelSide), 0, 0, INTER_AREA);
}

function transformsApart(images: tf.Tensor4D, size: [number, number]): tf.Tensor4D {
  const { angle, scale, brightness, contrast } = draw;
  const sized = resize(flip(images, 'horizontal'), size, { antialias: false });
  return colorJitter(affine(affine(sized, { angle }), { scale }), { brightness, contrast });
}

function opsOfTf(images: tf.Tensor4D, size: [number, number]): tf.Tensor4D {
  const { angle, scale, brightness, contrast } = draw;
  const centre = (modelSide - 1) / 2;
  const radians = (angle * Math.PI) / 180;
  const transform = (image: tf.Tensor4D, cos: number, sin: number) => {
    const matrix = [cos, sin, centre * (1 - cos - sin), -sin, cos, centre * (1 + sin - cos), 0, 0];
    return tf.image.transform(image, tf.tensor2d(matrix, [1, 8]), 'bilinear');
  };
  let current = tf.reverse(images, 2);
  if (images.shape[1] !== modelSide) current = tf.image.resizeBilinear(current, size, false, true);
  current = transform(transform(current, Math.cos(radians), Math.sin(radians)), 1 / scale, 0);
  current = tf.clipByValue(tf.mul(current, brightness), 0, 1);
  const mean = tf.mean(current, [1, 2, 3], true);
  return tf.clipByValue(tf.add(tf.mul(current, contrast), tf.mul(mean, 1 - contrast)), 0, 1);
}
