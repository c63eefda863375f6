import * as tf from '@tensorflow/tfjs';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { disposeStack } from '../../src/data/patient_source';
import { DataError } from '../../src/errors';
import type * as ImageFile from '../../src/node/image_file';
import { ImageFolderSource } from '../../src/node/image_folder_source';
import { createPreprocessing } from '../../src/transforms/preprocessing';
import { expectClose } from '../support/matchers';

/** Decoding replaced by waiting: file `N` takes longer the smaller N is, and is flat at N / 100. */
const decoding = vi.hoisted(() => ({ now: 0, most: 0, started: 0, broken: [] as number[] }));
vi.mock('../../src/node/image_file', (): Partial<typeof ImageFile> => ({
  readGrayImage: async (file) => {
    decoding.started++;
    decoding.most = Math.max(decoding.most, ++decoding.now);
    await new Promise((resolve) => setTimeout(resolve, 40 - 2 * Number(file)));
    decoding.now--;
    if (decoding.broken.includes(Number(file))) throw new DataError(`broken ${file}`);
    return { data: new Float32Array(4).fill(Number(file) / 100), height: 2, width: 2 };
  },
}));

const slices = Array.from({ length: 20 }, (_, i) => ({
  slice: `x_${i}.png`,
  file: String(i),
  labels: [i % 2],
}));
const source = () =>
  new ImageFolderSource(
    new Map([['x', slices]]),
    ['a'],
    createPreprocessing({ imageSize: [2, 2], clahe: false }),
  );

describe('ImageFolderSource', () => {
  beforeEach(() => {
    Object.assign(decoding, { now: 0, most: 0, started: 0, broken: [] });
  });

  it('decodes four slices at a time and keeps their order', async () => {
    const stack = await source().load('x');
    expect(decoding.most).toBe(4);
    expectClose(
      tf.mean(stack.images, [1, 2, 3]),
      slices.map((_, i) => i / 100),
      1e-5,
    );
    disposeStack(stack);
  });

  it('stops at a failure, throws the first in order and keeps nothing', async () => {
    const before = tf.memory().numTensors;
    decoding.broken = [4, 5];
    await expect(source().load('x')).rejects.toThrow('broken 4');
    expect(decoding.now).toBe(0);
    expect(decoding.started).toBeLessThan(12);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('has labels only when every slice has', async () => {
    const mixed = new Map([['x', [slices[0]!, { slice: 'x_1.png', file: '1' }]]]);
    const { preprocessing } = source();
    const partly = new ImageFolderSource(mixed, ['a'], preprocessing);
    expect(partly.sliceLabels('x')).toBeUndefined();
    const stack = await partly.load('x');
    expect(stack.labels).toBeUndefined();
    disposeStack(stack);
  });
});
