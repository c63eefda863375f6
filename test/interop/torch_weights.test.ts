import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../../src/base/errors';
import { loadTorchWeights } from '../../src/interop/torch_weights';
import { ResidualNeck } from '../../src/layers/residual_neck';
import { SliceConv1D } from '../../src/layers/slice_conv1d';
import { expectNoLeak } from '../support/matchers';

function builtConv(): SliceConv1D {
  const layer = new SliceConv1D({ filters: 2, kernelSize: 3 });
  layer.build([null, null, 4]);
  return layer;
}
const good = () => ({ weight: tf.ones([2, 4, 3]), bias: tf.ones([2]) });

describe('loadTorchWeights', () => {
  it('lists everything that does not fit and changes nothing', () => {
    const layer = builtConv();
    const before = layer.getWeights().map((w) => [...w.dataSync()]);
    const state = { weight: tf.ones([2, 4, 5]), extra: tf.zeros([1]) };
    expect(() => loadTorchWeights(layer, state)).toThrow(CheckpointError);
    expect(() => loadTorchWeights(layer, state)).toThrow(
      /shape of weight: expected \[2,4,3\], received \[2,4,5\]; missing: bias \[2\]; unexpected: extra/,
    );
    expect(layer.getWeights().map((w) => [...w.dataSync()])).toEqual(before);
  });

  it('refuses weights that are not finite, and changes nothing (case 20)', () => {
    const layer = builtConv();
    const before = layer.getWeights().map((w) => [...w.dataSync()]);
    expect(() => loadTorchWeights(layer, { ...good(), bias: tf.tensor1d([1, NaN]) })).toThrow(
      /do not fit .*: value 1 of bias is NaN/,
    );
    expect(layer.getWeights().map((w) => [...w.dataSync()])).toEqual(before);
  });

  it('takes what it knows with strict false', () => {
    const layer = builtConv();
    loadTorchWeights(layer, { ...good(), extra: tf.zeros([1]) }, { strict: false });
    expect(layer.getWeights()[1]!.dataSync()).toEqual(new Float32Array([1, 1]));
  });

  it('loads what is there with partial, and lists what starts fresh', () => {
    const layer = builtConv();
    const kernel = [...layer.getWeights()[0]!.dataSync()];
    const { bias } = good();
    expect(loadTorchWeights(layer, { bias }, { partial: true })).toEqual({
      loaded: ['bias'],
      fresh: ['weight'],
    });
    expect([...layer.getWeights()[0]!.dataSync()]).toEqual(kernel);
    expect([...layer.getWeights()[1]!.dataSync()]).toEqual([1, 1]);
    expect(loadTorchWeights(layer, good())).toEqual({ loaded: ['weight', 'bias'], fresh: [] });
  });

  it('still refuses with partial what is of another shape, of no parameter, or nothing at all', () => {
    const layer = builtConv();
    const before = layer.getWeights().map((w) => [...w.dataSync()]);
    const load = (state: Record<string, tf.Tensor>) => () =>
      loadTorchWeights(layer, state, { partial: true });
    expect(load({ bias: tf.ones([3]) })).toThrow(/shape of bias: expected \[2\], received \[3\]$/);
    expect(load({ bias: tf.ones([2]), extra: tf.ones([1]) })).toThrow(/: unexpected: extra$/);
    expect(load({})).toThrow(/missing: weight \[2,4,3\]; missing: bias \[2\]$/);
    expect(layer.getWeights().map((w) => [...w.dataSync()])).toEqual(before);
  });

  it.each(['module.', '_orig_mod.', '_orig_mod.module.', 'backbone.'])(
    'names a prefix %s as the cause before what is missing (case 25)',
    (prefix) => {
      const layer = builtConv();
      const state = Object.fromEntries(Object.entries(good()).map(([name, t]) => [prefix + name, t]));
      const cause = `2 of the 2 names would fit without the prefix '${prefix}': remove it with rename: (name) => name.slice(${prefix.length}); missing: weight`;
      for (const options of [{}, { strict: false }, { partial: true }]) {
        const load = () => loadTorchWeights(layer, state, options);
        expect(load).toThrow(CheckpointError);
        expect(load).toThrow(cause);
      }
    },
  );

  it('names no prefix where that would not help', () => {
    const state = { 'neck.gamma': tf.ones([2]), weight: tf.ones([2, 4, 5]), bias: tf.ones([2]) };
    expect(() => loadTorchWeights(builtConv(), state)).toThrow(/fit \w+: shape of weight/);
  });

  it('refuses what is no tensor, such as a checkpoint around the state dict', () => {
    const state = { state_dict: good() } as unknown as Record<string, tf.Tensor>;
    expect(() => loadTorchWeights(builtConv(), state)).toThrow(
      /stateDict\['state_dict'\]: expected a tensor/,
    );
  });

  it('fills the projection of a neck from an nn.Linear', () => {
    const neck = new ResidualNeck({});
    neck.build([[null, null, 2], [null, null, 3]]); // prettier-ignore
    loadTorchWeights(neck, { weight: tf.tensor2d([[1, 2, 3], [4, 5, 6]]), bias: tf.zeros([2]) }); // prettier-ignore
    expect([...neck.getWeights()[0]!.dataSync()]).toEqual([1, 4, 2, 5, 3, 6]);
  });

  it('refuses a layer that PyTorch has no counterpart for, and one that is not built', () => {
    expect(() => loadTorchWeights(tf.layers.flatten(), {})).toThrow(
      /built layer that has a PyTorch counterpart/,
    );
    expect(() => loadTorchWeights({} as tf.layers.Layer, {})).toThrow(/a layer or a model/);
  });

  it('leaks nothing', () => {
    const layer = builtConv();
    const state = good();
    expectNoLeak(() => loadTorchWeights(layer, state));
  });
});
