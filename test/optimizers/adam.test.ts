import * as tf from '@tensorflow/tfjs';
import { ADAM_KERNEL } from '../../src/kernels/adam/contract';
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { seededRandom } from '../../src/base/random';
import { adam } from '../../src/optimizers/adam';
import { onBackends } from '../support/backends';
import { expectClose } from '../support/matchers';

const draw = (shape: number[], random: () => number, scale = 1) =>
  tf.tensor(
    Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => scale * (2 * random() - 1)),
    shape,
  );

const variableOf = (make: () => tf.Tensor) => tf.tidy(() => tf.variable(make()));

const values = (tensors: tf.Tensor[]) => tensors.map((tensor) => Float32Array.from(tensor.dataSync()));

/** Weights after each of some steps on gradients that depend on the weights. */
function train(optimizer: tf.Optimizer, shapes: number[][], steps: number, seed: number): Float32Array[][] {
  const random = seededRandom(seed);
  const variables = shapes.map((shape) => tf.variable(draw(shape, random)));
  const targets = shapes.map((shape) => draw(shape, random));
  const history: Float32Array[][] = [];
  for (let step = 0; step < steps; step++) {
    optimizer.minimize(
      () => tf.addN(variables.map((w, i) => tf.sum(tf.pow(tf.sub(w, targets[i]!), 4)))) as tf.Scalar,
      false,
      variables,
    );
    history.push(values(variables));
  }
  tf.dispose([variables, targets]);
  return history;
}

const shapes = fc.array(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 4 }), {
  minLength: 1,
  maxLength: 4,
});

onBackends(['cpu', 'wasm', 'wasm, compiled', 'cpu, without kernels'], 'adam', (way) => {
  it('is tf.train.adam, step for step', async () => {
    await fc.assert(
      fc.asyncProperty(
        shapes,
        fc.constantFrom<[number, number?, number?, number?]>(
          [1e-2],
          [1e-3, 0.8, 0.95],
          [0.1, 0.9, 0.999, 1e-3],
        ),
        fc.integer(),
        async (sizes, settings, seed) => {
          const [ours, peer] = [adam(...settings), tf.train.adam(...settings)];
          const [a, b] = [train(ours, sizes, 6, seed), train(peer, sizes, 6, seed)];
          a.forEach((weights, step) => weights.forEach((w, i) => expectClose(w, b[step]![i]!, 1e-6)));
          expect(ours.getConfig()).toEqual(peer.getConfig());
          expect(ours.getClassName()).toBe(peer.getClassName());
          const [state, expected] = [await ours.getWeights(), await peer.getWeights()];
          expect(state.map(({ tensor }) => tensor.shape)).toEqual(expected.map(({ tensor }) => tensor.shape));
          state.forEach(({ tensor }, i) => expectClose(tensor, expected[i]!.tensor, 1e-6));
          const kinds = (list: typeof state) => list.map(({ name }) => name.replace(/.*\//, ''));
          expect(kinds(state)).toEqual(kinds(expected));
          tf.dispose([state[0]!.tensor, expected[0]!.tensor]);
          ours.dispose();
          peer.dispose();
        },
      ),
      { numRuns: 15 },
    );
  });

  it("goes on from the other's weights", async () => {
    const random = seededRandom(3);
    const gradients = Array.from({ length: 4 }, () => draw([3, 2], random));
    const start = draw([3, 2], random);
    const whole = tf.variable(start);
    const peer = tf.train.adam(0.01);
    for (const tensor of gradients) peer.applyGradients([{ name: whole.name, tensor }]);

    const parts = tf.variable(start);
    const [first, second] = [tf.train.adam(0.01), adam(0.01)];
    for (const tensor of gradients.slice(0, 2)) first.applyGradients([{ name: parts.name, tensor }]);
    await second.setWeights(await first.getWeights());
    const held = values((await first.getWeights()).map(({ tensor }) => tensor));
    for (const tensor of gradients.slice(2)) second.applyGradients({ [parts.name]: tensor });
    expectClose(parts, whole, 1e-6);
    // what the weights were taken from is not written to
    expect(values((await first.getWeights()).map(({ tensor }) => tensor))).toEqual(held);
  });

  it('leaves alone a variable without a gradient, whose moments keep their place', () => {
    const run = (optimizer: tf.Optimizer) => {
      const [a, b] = [tf.variable(tf.ones([2])), tf.variable(tf.ones([3]))];
      const gradient = (w: tf.Variable, tensor?: tf.Tensor) => ({
        name: w.name,
        tensor: tensor as tf.Tensor,
      });
      optimizer.applyGradients([gradient(a, tf.tensor1d([1, -2])), gradient(b)]);
      optimizer.applyGradients([gradient(a), gradient(b, tf.tensor1d([3, 1, -1]))]);
      optimizer.applyGradients([gradient(a, tf.tensor1d([1, 1])), gradient(b, tf.tensor1d([3, 1, 1]))]);
      return values([a, b]);
    };
    expect(run(adam(0.1))).toEqual(run(tf.train.adam(0.1)));
  });

  it('never changes a clone, nor what was read before', async () => {
    const start = Float32Array.from([1, 2, 3, 4, 5]);
    const w = tf.variable(tf.tensor1d(start));
    const optimizer = adam(0.1);
    const step = () => optimizer.applyGradients({ [w.name]: tf.tensor1d([1, 1, -1, 1, 2]) });
    step();
    const read = [w.dataSync(), await w.data()];
    const [clone, view] = [w.clone(), tf.reshape(w, [5, 1])];
    const moments = (await optimizer.getWeights()).slice(1).map(({ tensor }) => tensor.clone());
    const before = values([clone, ...moments]);
    for (let i = 0; i < 3; i++) step();
    expect(values([clone, ...moments])).toEqual(before);
    expect(values([view])).toEqual([before[0]]);
    for (const array of read) expect([...array]).toEqual([...before[0]!]);
    expect([...start]).toEqual([1, 2, 3, 4, 5]); // a tensor on cpu is the array it was made from
    expect([...w.dataSync()]).not.toEqual([...before[0]!]);
    clone.dispose();
    view.dispose();
    const last = values([w]);
    step();
    expect(values([w])).not.toEqual(last);
  });

  it('leaves no tensor behind', () => {
    const w = variableOf(() => tf.ones([4, 3]));
    const gradient = tf.ones([4, 3]);
    const count = () => [tf.memory().numTensors, tf.backend().numDataIds()];
    const before = count();
    const optimizer = adam(0.1);
    optimizer.applyGradients({ [w.name]: gradient });
    const held = count();
    for (let i = 0; i < 3; i++) optimizer.applyGradients({ [w.name]: gradient });
    tf.tidy(() => optimizer.applyGradients({ [w.name]: gradient }));
    expect(count()).toEqual(held);
    optimizer.dispose();
    expect(count()).toEqual(before);
  });

  it('writes in place on wasm where nobody else holds the data', () => {
    const w = variableOf(() => tf.ones([5]));
    const gradient = tf.ones([5]);
    const optimizer = adam(0.1);
    const changesPlace = () => {
      const { dataId } = w;
      optimizer.applyGradients({ [w.name]: gradient });
      return w.dataId !== dataId;
    };
    changesPlace();
    expect(changesPlace()).toBe(way !== 'wasm, compiled');
    const clone = w.clone();
    expect(changesPlace()).toBe(true);
    clone.dispose();
    expect(changesPlace()).toBe(way !== 'wasm, compiled');
  });

  it('refuses a gradient of another shape', () => {
    const w = tf.variable(tf.ones([4]));
    expect(() => adam(0.1).applyGradients({ [w.name]: tf.ones([3]) })).toThrow();
  });

  it('runs one kernel a variable, where there is one', () => {
    const run = vi.spyOn(tf.engine(), 'runKernel');
    const w = tf.variable(tf.ones([4]));
    const optimizer = adam(0.1);
    const gradient = tf.ones([4]);
    optimizer.applyGradients({ [w.name]: gradient });
    run.mockClear();
    optimizer.applyGradients({ [w.name]: gradient });
    const kernels = run.mock.calls.map(([name]) => name);
    vi.restoreAllMocks();
    const ours = way !== 'cpu, without kernels';
    expect(kernels.filter((name) => name === ADAM_KERNEL)).toHaveLength(ours ? 1 : 0);
    if (ours) expect(kernels.filter((name) => name === tf.Sqrt)).toEqual([]);
  });
});

it('takes the epsilon of float32 on a WebGL backend that computes in it, and that of float16 on another', async () => {
  await tf.setBackend('cpu');
  const cpu = tf.backend();
  // what tfjs's WebGL backend says of itself, whatever its textures hold
  const webgl = new Proxy(cpu, {
    get: (target, key) => (key === 'epsilon' ? () => 1e-4 : Reflect.get(target, key)),
  });
  tf.registerBackend('webgl', () => webgl);
  const flag = 'WEBGL_RENDER_FLOAT32_ENABLED';
  try {
    await tf.setBackend('webgl');
    for (const [float32, epsilon] of [
      [true, 1e-7],
      [false, 1e-4],
    ] as const) {
      tf.env().set(flag, float32);
      const [byDefault, chosen] = [adam(), adam(0.1, 0.9, 0.999, 0.01)];
      expect([byDefault.getConfig()['epsilon'], chosen.getConfig()['epsilon']]).toEqual([epsilon, 0.01]);
      byDefault.dispose();
      chosen.dispose();
    }
  } finally {
    tf.env().set(flag, false);
    await tf.setBackend('cpu');
    tf.removeBackend('webgl');
  }
});

it.each([
  [[-1e-4], 'adam: learningRate: expected a finite number of at least 0, received -0.0001'],
  [[NaN], 'learningRate'],
  [['1e-4'], 'learningRate'],
  [[0.1, 1], 'beta1: expected a number in [0, 1), received 1'],
  [[0.1, 0.9, -0.1], 'beta2'],
  [[0.1, 0.9, 0.999, NaN], 'epsilon'],
] as unknown as [Parameters<typeof adam>, string][])('refuses adam(%o)', (args, message) => {
  expect(() => adam(...args)).toThrow(message);
});
