import * as tf from '@tensorflow/tfjs';
import {
  affine,
  clahe,
  colorJitter,
  CT_WINDOWS,
  flip,
  huWindow,
  makePhantomPatient,
  neighborSlices,
  randomAugment,
  resize,
} from 'ct-multilabel';
import sharp from 'sharp';
import { blankPicture, drawTile, LINE, MARGIN, WHITE } from '../src/node/pictures/picture';
import { drawText, type Canvas } from '../src/drawing/pixel_text';

/** Sides of the phantom's slices, of the part cropped from their middle, and of a tile. */
const PHANTOM = 256;
const SIZE = 192;
const TILE = 152;

/** The slice that is drawn: it has an intracerebral hemorrhage. */
const SLICE = 12;

/** An image `[h, w]` or `[h, w, 3]` in 0..1, and its caption. */
type Tile = readonly [caption: string, image: tf.Tensor];

/** Pictures of each transform applied to a synthetic head CT, as PNG, by file name. */
export async function drawTransforms(): Promise<Record<string, Uint8Array>> {
  const { hu, slices, size } = makePhantomPatient({ seed: 6, slices: 24, size: PHANTOM, difficulty: 0.2, prevalence: { ich: 1, ivh: 0, sah: 0, sdh: 1, edh: 0 } }); // prettier-ignore
  const pictures: [name: string, canvas: Canvas][] = [];
  tf.tidy(() => {
    const margin = (PHANTOM - SIZE) / 2;
    const whole = tf.tensor4d(hu, [slices, size, size, 1]);
    const stack = tf.slice(whole, [0, margin, margin, 0], [-1, SIZE, SIZE, -1]);
    for (const [name, tiles] of Object.entries(transformTiles(stack))) pictures.push([name, draw(tiles)]);
  });
  return Object.fromEntries(
    await Promise.all(pictures.map(async ([name, canvas]) => [`transform-${name}.png`, await png(canvas)])),
  );
}

function transformTiles(stack: tf.Tensor4D): Record<string, Tile[]> {
  const hu = tf.squeeze<tf.Tensor2D>(tf.slice(stack, [SLICE, 0, 0, 0], [1, -1, -1, -1]));
  const brain = huWindow(hu, CT_WINDOWS.brainWide);
  const augment = randomAugment({ seed: 4 });
  const three = huWindow(tf.slice(stack, [SLICE - 1, 0, 0, 0], [3, -1, -1, -1]), CT_WINDOWS.brainWide);
  const withNeighbors = tf.unstack(neighborSlices(three))[1] as tf.Tensor3D;
  const [before, itself, after] = tf.unstack(withNeighbors, 2) as [tf.Tensor, tf.Tensor, tf.Tensor];
  return {
    window: [
      ['-1000 to 1000 HU', huWindow(hu, { center: 0, width: 2000 })],
      ['brain', huWindow(hu, CT_WINDOWS.brain)],
      ['subdural', huWindow(hu, CT_WINDOWS.subdural)],
      ['bone', huWindow(hu, CT_WINDOWS.bone)],
    ],
    clahe: [
      ['before', brain],
      ['clip limit 2', clahe(brain)],
      ['clip limit 4', clahe(brain, { clipLimit: 4 })],
    ],
    resize: [
      ['before: 192 x 192', brain],
      ['48 x 48', enlarged(resize(brain, [48, 48]))],
      ['not antialiased', enlarged(resize(brain, [48, 48], { antialias: false }))],
    ],
    affine: [
      ['before', brain],
      ['angle 30', affine(brain, { angle: 30 })],
      ['scale 0.8', affine(brain, { scale: 0.8 })],
      ['translate (20, 0)', affine(brain, { translate: [20, 0] })],
    ],
    flip: [
      ['before', brain],
      ['horizontal', flip(brain, 'horizontal')],
      ['vertical', flip(brain, 'vertical')],
    ],
    'color-jitter': [
      ['before', brain],
      ['brightness 0.8', colorJitter(brain, { brightness: 0.8 })],
      ['brightness 1.2', colorJitter(brain, { brightness: 1.2 })],
      ['contrast 1.5', colorJitter(brain, { contrast: 1.5 })],
    ],
    neighbors: [
      ['slice before', before],
      ['this slice', itself],
      ['slice after', after],
      ['as red green blue', withNeighbors],
    ],
    augment: [['before', brain], ...[1, 2, 3].map((draw): Tile => [`draw ${draw}`, augment(brain)])],
  };
}

/** Enlarged to the size of the others, with square pixels. */
const enlarged = (image: tf.Tensor2D) => resize(image, [SIZE, SIZE], { method: 'nearest' });

/** Tiles side by side, each with its caption. */
function draw(tiles: readonly Tile[]): Canvas {
  const step = TILE + MARGIN;
  const canvas = blankPicture('drawTransforms', tiles.length * step - MARGIN, LINE + MARGIN + TILE);
  for (const [i, [caption, image]] of tiles.entries()) {
    const small = resize(image.rank === 2 ? tf.expandDims(image, 2) : image, [TILE, TILE]);
    const channels = small.shape[2]!;
    const values = small.dataSync();
    drawText(canvas, caption, i * step + MARGIN, MARGIN, WHITE);
    drawTile(canvas, [TILE, TILE], i * step, LINE + MARGIN, (y, x) => {
      const level = (channel: number) => Math.round(255 * values[channels * (y * TILE + x) + (channel % channels)]!); // prettier-ignore
      return [level(0), level(1), level(2)];
    });
  }
  return canvas;
}

/** Few greys make a small file. */
function png({ data, width, height }: Canvas): Promise<Uint8Array> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png({ palette: true, colours: 28, dither: 0, compressionLevel: 9 })
    .toBuffer();
}
