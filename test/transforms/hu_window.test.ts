import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CT_WINDOWS, huWindow, windowChannels, type HuWindow } from '../../src/transforms/hu_window';
import { onBackends } from '../support/backends';
import { expectClose, expectNoLeak } from '../support/matchers';
import { expectImagesChecked, expectSliceBySlice, randomImages } from './support';

onBackends(['cpu', 'wasm'], 'huWindow', () => {
  it('is black half a width below the centre and white half a width above', () => {
    fc.assert(
      fc.property(fc.constantFrom<HuWindow>(...Object.values(CT_WINDOWS)), ({ center, width }) => {
        tf.tidy(() => {
          const hu = [-1e4, center - width / 2, center - width / 4, center, center + width / 2, 1e4];
          expectClose(huWindow(tf.tensor2d([hu]), { center, width }), [0, 0, 0.25, 0.5, 1, 1], 1e-6);
        });
      }),
    );
  });

  it('takes each rank, slice by slice, and integers', () => {
    expectSliceBySlice((x) => huWindow(x, { center: 0.4, width: 0.5 }));
    expectClose(huWindow(tf.tensor2d([[0, 40, 60]], undefined, 'int32'), CT_WINDOWS.brain), [0, 0.5, 0.75]);
  });

  it('makes a channel of each window', () => {
    const hu = tf.randomUniform([2, 3, 4, 4, 1], -1000, 2000, 'float32', 1);
    const own = { center: 50, width: 300 };
    const channels = windowChannels(hu, ['brain', own, 'bone']);
    expect(channels.shape).toEqual([2, 3, 4, 4, 3]);
    for (const [i, window] of [CT_WINDOWS.brain, own, CT_WINDOWS.bone].entries()) {
      const channel = tf.slice(channels, [0, 0, 0, 0, i], [2, 3, 4, 4, 1]);
      expect(channel.dataSync()).toEqual(huWindow(hu, window).dataSync());
    }
  });

  it('leaves no tensor behind', () => {
    const x = randomImages([2, 4, 4, 1]);
    expectNoLeak(() => huWindow(x, CT_WINDOWS.brain));
    expectNoLeak(() => windowChannels(x, ['brain', 'subdural']));
  });
});

describe('huWindow', () => {
  it('has the slope 1 / width inside and none outside', () => {
    const gradient = tf.grad((x) => tf.sum(huWindow(x, CT_WINDOWS.brain)))(tf.tensor2d([[-50, 20, 70, 90]]));
    expectClose(gradient, [0, 1 / 80, 1 / 80, 0], 1e-6);
  });

  it('refuses bad arguments', () => {
    const x = tf.zeros([4, 4]);
    expect(() => huWindow(x, { center: 40, width: 0 })).toThrow(
      'huWindow: width: expected a number of HU above 0, received 0',
    );
    expect(() => huWindow(x, { center: NaN, width: 80 })).toThrow('huWindow: center');
    expect(() => huWindow(x, undefined as unknown as HuWindow)).toThrow('huWindow: window');
    expectImagesChecked('huWindow', (images) => huWindow(images, CT_WINDOWS.bone));
    expect(() => windowChannels(tf.zeros([4, 4, 2]), ['brain'])).toThrow('windowChannels: images');
    expect(() => windowChannels(tf.zeros([4, 4]), ['brain'])).toThrow('windowChannels: images');
    expect(() => windowChannels(tf.zeros([4, 4, 1]), [])).toThrow('windowChannels: windows');
    expect(() => windowChannels(tf.zeros([4, 4, 1]), ['lung' as 'brain'])).toThrow(
      `windowChannels: window: expected one of 'brain', 'brainWide', 'subdural', 'stroke', 'softTissue', 'bone', received "lung"`,
    );
  });
});
