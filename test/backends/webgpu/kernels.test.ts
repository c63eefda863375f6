import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random';
import { FusedBatchNorm } from '../../../src/layers/fused/fused_batch_norm';
import { FusedConv2D } from '../../../src/layers/fused/fused_conv2d';
import { gruRecurrence } from '../../../src/layers/recurrence/gru_recurrence';
import { lstmRecurrence } from '../../../src/layers/recurrence/lstm_recurrence';
import { asymmetricLoss } from '../../../src/losses/asymmetric_loss';
import { buildCtBrainModel } from '../../../src/models/ct_brain_model';
import { trainingBudget } from '../../../src/models/memory_budget';
import { adam } from '../../../src/optimizers/adam';
import { checkFiniteStep } from '../../../src/training/steps/finite_step';
import { computeGradients, trainStep } from '../../../src/training/steps/train_step';
import { countLaunches, total } from '../../../bench/webgpu_launches';
import { clahe } from '../../../src/transforms/clahe';
import { colorJitter } from '../../../src/transforms/color_jitter';
import { resize } from '../../../src/transforms/resize';
import { warp } from '../../../src/transforms/warp';
import type { WebGpuBackend } from '../../../src/backends/webgpu/backend';
import { distance, onBoth, provideSoftwareGpu } from '../../support/webgpu';

const why = await provideSoftwareGpu();
const MOST_THREADS =
  why === undefined
    ? (tf.backend() as unknown as WebGpuBackend).device.limits.maxComputeInvocationsPerWorkgroup
    : 0;

/** A device in software takes a second for each program that it has not seen. */
const isFull = process.env['CT_MULTILABEL_FULL'] === '1';

/** Of each tensor's norm. */
const TOLERANCE = 1e-5;

/** Values from -1 to 1, the same each time. */
function values(shape: number[], seed: number): tf.Tensor {
  const random = seededRandom(seed);
  return tf.tensor(
    Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => 2 * random() - 1),
    shape,
  );
}

/** What `run` gives, and the gradients of the sum of its squares. */
function withGradients(inputs: tf.Tensor[], run: (...inputs: tf.Tensor[]) => tf.Tensor): tf.Tensor[] {
  return [run(...inputs), ...tf.grads((...args: tf.Tensor[]) => tf.sum(tf.square(run(...args))))(inputs)];
}

const size = (max: number) => fc.integer({ min: 1, max });

/** Some draws, and that the two backends agree on each. */
function agree<T>(draws: fc.Arbitrary<T>, run: (draw: T) => tf.Tensor[], numRuns = 4): Promise<void> {
  const property = fc.asyncProperty(draws, async (draw) => {
    expect(distance(await onBoth(() => run(draw)))).toBeLessThan(TOLERANCE);
  });
  return fc.assert(property, { numRuns: isFull ? numRuns : 1, seed: 1, endOnFailure: true }) as Promise<void>;
}

describe.skipIf(why !== undefined)(
  `kernels on WebGPU${why === undefined ? '' : ` (skipped: ${why})`}`,
  () => {
    beforeAll(() => {
      for (const name of ['CtGruForward', 'CtAdamStep', 'CtAsymmetricLoss', 'CtBatchNorm']) {
        expect(tf.getKernel(name, 'webgpu'), name).toBeDefined();
      }
    });

    it('takes as much at once as the device has room for', async () => {
      await tf.setBackend('webgpu');
      const { maxBufferSize, maxStorageBufferBindingSize } = (tf.backend() as unknown as WebGpuBackend).device.limits; // prettier-ignore
      expect(trainingBudget()).toBe(Math.min(maxBufferSize, maxStorageBufferBindingSize) / 2);
      await tf.setBackend('cpu');
      expect(trainingBudget()).toBe(768 * 2 ** 20);
    });

    it('GRU, both passes', () =>
      agree(
        fc.record({ batch: size(3), steps: size(5), units: size(9), directions: size(2), initial: fc.boolean(), mask: fc.boolean() }), // prettier-ignore
        ({ batch, steps, units, directions, initial, mask }) => {
          const each = Array.from({ length: directions }, (_, d) => [
            values([batch, steps, 3 * units], 10 * d),
            values([units, 3 * units], 10 * d + 1),
            values([3 * units], 10 * d + 2),
          ]).flat();
          const inputs = [...each, ...(initial ? [values([batch, units], 99)] : [])];
          const masks = mask ? tf.cast(tf.greater(values([batch, steps], 5), -0.3), 'float32') : undefined;
          return withGradients(inputs, (...args) =>
            gruRecurrence(
              Array.from({ length: directions }, (_, d) => ({
                inputs: args[3 * d]!,
                kernel: args[3 * d + 1]!,
                bias: args[3 * d + 2]!,
              })),
              { mask: masks, ...(initial ? { initial: args.at(-1)! } : {}) },
            ),
          );
        },
        8,
      ));

    it('GRU wider than a workgroup', () =>
    agree(fc.constant(Math.min(1024, MOST_THREADS) + 3), (units) =>
      withGradients([values([1, 2, 3 * units], 1), tf.mul(values([units, 3 * units], 2), 0.05), values([3 * units], 3)], (inputs, kernel, bias) =>
        gruRecurrence([{ inputs: inputs!, kernel: kernel!, bias: bias! }])), 1)); // prettier-ignore

    it('LSTM, both passes', () =>
      agree(
        fc.record({ batch: size(3), steps: size(5), units: size(40), directions: size(2) }),
        ({ batch, steps, units, directions }) => {
          const each = Array.from({ length: directions }, (_, d) => [
            values([units, 4 * units], 10 * d),
            values([4 * units], 10 * d + 1),
          ]).flat();
          return withGradients([...each, values([batch, units], 99)], (...args) =>
            lstmRecurrence(
              Array.from({ length: directions }, (_, d) => ({
                kernel: args[2 * d]!,
                bias: args[2 * d + 1]!,
              })),
              args.at(-1)!,
              steps,
            ),
          );
        },
      ));

    it('batch normalisation by the batch and by what is stored', () =>
      agree(
        fc.record({
          rows: fc.constantFrom(1, 7, 1500),
          columns: fc.constantFrom(1, 33),
          training: fc.boolean(),
        }),
        ({ rows, columns, training }) => {
          const layer = new FusedBatchNorm({});
          layer.build([null, 1, 1, columns]);
          layer.setWeights([0, 1, 2, 3].map((i) => tf.add(tf.mul(values([columns], i), 0.5), 1)));
          const x = tf.add(values([rows, 1, 1, columns], 9), 3);
          const weights = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
          const loss = (input: tf.Tensor) =>
            tf.sum(tf.mul(layer.apply(input, { training }) as tf.Tensor, values(x.shape, 8))) as tf.Scalar;
          const { grads } = tf.variableGrads(() => loss(x), weights);
          // of the mean of one row nothing is left to differ by
          const dx = rows === 1 && training ? [] : [tf.grad(loss)(x)];
          const output = layer.apply(x, { training: false }) as tf.Tensor;
          return [output, ...dx, grads[weights[1]!.name]!, ...layer.getWeights()];
        },
        8,
      ));

    it('ReLU and bias of a convolution', () =>
    agree(fc.constantFrom(2, 40), (filters) => {
      const layer = new FusedConv2D({ filters, kernelSize: 1, activation: 'relu', inputShape: [20, 30, 3] });
      layer.build([null, 20, 30, 3]);
      layer.setWeights([values([1, 1, 3, filters], 1), values([filters], 2)]);
      const weights = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
      const x = values([1, 20, 30, 3], 3);
      const { grads } = tf.variableGrads(() => tf.sum(tf.square(layer.apply(x) as tf.Tensor)) as tf.Scalar, weights);
      return [layer.apply(x) as tf.Tensor, ...Object.values(grads)];
    }, 2)); // prettier-ignore

    it('asymmetric loss and its slope', () =>
      agree(
        fc.record({
          rows: fc.constantFrom(1, 5, 100),
          scale: fc.constantFrom(0.01, 5, 100),
          reduction: fc.constantFrom('mean', 'sum', 'none'),
          gammaNeg: fc.constantFrom(0, 1, 2.5, 4),
          gammaPos: fc.constantFrom(0, 1, 3),
          clip: fc.constantFrom(0, 0.05),
          focusWeightIsConstant: fc.boolean(),
          masked: fc.boolean(),
          labels: fc.constantFrom('float32', 'int32', 'bool'),
        }),
        ({ rows, scale, masked, labels, ...options }) => {
          const y = tf.cast(tf.greater(values([1, rows, 5], 2), 0.2), labels as 'int32');
          const truth =
            labels === 'float32' ? tf.sub(y, tf.cast(tf.greater(values(y.shape, 4), 0.9), 'float32')) : y;
          const left = tf.where(tf.less(truth, 0), tf.fill(truth.shape, -1), truth);
          const mask = masked ? tf.cast(tf.greater(values([1, rows], 6), -0.5), 'bool') : undefined;
          const loss = asymmetricLoss(options as Parameters<typeof asymmetricLoss>[0]);
          const x = tf.mul(values([1, rows, 5], 3), scale);
          const given = labels === 'float32' ? left : truth;
          return [loss(given, x, mask), tf.grad((logits: tf.Tensor) => tf.sum(loss(given, logits, mask)))(x)];
        },
        12,
      ));

    it('CLAHE, to the grey value', () =>
      agree(
        fc.record({ height: fc.integer({ min: 9, max: 40 }), width: fc.integer({ min: 9, max: 40 }), channels: fc.constantFrom(1, 2), clipLimit: fc.constantFrom(0, 2, 40) }), // prettier-ignore
        ({ height, width, channels, clipLimit }) => {
          const x = tf.abs(values([2, height, width, channels], height)) as tf.Tensor4D;
          return [clahe(x, { clipLimit, tileGridSize: [3, 4] })];
        },
      ));

    it('resizing and its gradient', () =>
    agree(fc.constantFrom([9, 30], [31, 7]), (to) =>
      withGradients([values([2, 20, 17, 3], 1)], (x) => resize(x!, to as [number, number])), 2)); // prettier-ignore

    it('reading pixels at other places', () =>
      agree(
        fc.record({
          angle: fc.double({ min: -180, max: 180, noNaN: true }),
          size: fc.constantFrom([24, 18], [15, 31]),
          nearest: fc.boolean(),
          channels: fc.constantFrom(1, 3),
          contrast: fc.constantFrom(1, 0.8),
        }),
        ({ angle, size: [height, width], nearest, channels, contrast }) => {
          const [sin, cos] = [Math.sin(angle / 57), Math.cos(angle / 57)];
          const matrix = [cos, -sin, 3.2, sin, cos, -1.7];
          const jitter = { brightness: 1.2, contrast };
          const attrs = { size: [height!, width!] as const, matrix, fill: 0.25, nearest };
          const x = tf.abs(values([2, 24, 18, channels], 5)) as tf.Tensor4D;
          return [
            warp(x, attrs),
            warp(x, { ...attrs, jitter }),
            colorJitter(x, { brightness: 0.9, contrast }),
          ];
        },
        8,
      ));

    it('Adam over variables of many sizes, some of which others hold too', () =>
    agree(fc.constant<number[][]>([[3], [40, 30], [], [7, 2], [300]]), (shapes) => {
      const optimizer = adam(0.01);
      const variables = shapes.map((shape, i) => tf.variable(values(shape, i)));
      const clone = variables[1]!.clone();
      for (let step = 0; step < 3; step++) {
        const gradients = variables.map((variable, i) => ({ name: variable.name, tensor: values(variable.shape, 20 * step + i) }));
        optimizer.applyScaled(gradients, (name) => (name === variables[0]!.name ? 0.5 : 1));
      }
      const results = [...variables.map((variable) => variable.clone()), clone];
      variables.forEach((variable) => variable.dispose());
      return results;
    }, 1)); // prettier-ignore

    it('a whole training step', () =>
    agree(fc.constantFrom(true, false), (updateBatchNorm) => {
      // no bias: before a normalisation by the batch its gradient is 0, but for rounding
            const convolution = {
              ...{ filters: 6, kernelSize: 3, strides: 2, inputShape: [16, 16, 1] },
              useBias: false,
            };
      const kernelInitializer = tf.initializers.heNormal({ seed: 1 });
      const backbone = tf.sequential({
        layers: [
          new FusedConv2D({ ...convolution, kernelInitializer }),
          new FusedBatchNorm({}),
          tf.layers.reLU(),
          tf.layers.globalAveragePooling2d({}),
        ],
      });
      const model = buildCtBrainModel({ backbone, seed: 1, labels: ['a', 'b', 'c'] });
      const [x, y] = [values([1, 4, 16, 16, 1], 3), tf.cast(tf.greater(values([1, 4, 3], 4), 0), 'float32')];
      const step = computeGradients(model, x, y, { loss: asymmetricLoss(), updateBatchNorm });
      adam(1e-3).applyGradients(step.gradients);
      const changed = model.getWeights().map((weight) => weight.clone());
      model.dispose();
      return [step.loss, step.logits, ...Object.values(step.gradients), ...changed];
    }, 2)); // prettier-ignore

    it.runIf(isFull)('takes few launches for a step beside those of the backbone', async () => {
      await tf.setBackend('webgpu');
      const options = { filters: 4, kernelSize: 3, strides: 4, inputShape: [16, 16, 1] };
      const layers = [new FusedConv2D(options), tf.layers.globalAveragePooling2d({})];
      const model = buildCtBrainModel({ backbone: tf.sequential({ layers }), seed: 1 });
      const [x, y] = [values([1, 32, 16, 16, 1], 3), tf.zeros([1, 32, 5])];
      const optimizer = adam(1e-3);
      const step = () => tf.dispose(trainStep(model, x, y, optimizer, { loss: asymmetricLoss() }));
      countLaunches(step, { compute: false }); // makes Adam's moments
      const launches = countLaunches(step, { compute: false });
      expect(launches.get('CtAdamStep')).toBeGreaterThan(0);
      expect(total(launches)).toBeLessThanOrEqual(120);
      model.dispose();
    });

    it('makes NaN of the loss where a gradient is not finite, and leaves it as it is elsewhere', async () => {
      await tf.setBackend('webgpu');
      for (const [bad, place] of [
        [NaN, 4],
        [Infinity, 700],
        [-Infinity, 0],
        [3e38, 2],
      ] as const) {
        const gradients = Object.fromEntries(
          Array.from({ length: 9 }, (_, i) => [`g${i}`, tf.zeros([1000])]).concat([
            ['last', oneOf(bad, place)],
          ]),
        ) as tf.NamedTensorMap;
        const loss = tf.add(tf.scalar(0.5), tf.zeros([1]).sum()) as tf.Scalar;
        const [value] = await checkFiniteStep({ loss, logits: tf.zeros([1, 1]), gradients }).loss.data();
        expect(value).toBe(Number.isFinite(bad) ? 0.5 : NaN);
      }
      function oneOf(value: number, place: number): tf.Tensor {
        const numbers = new Float32Array(1000);
        numbers[place] = value;
        return tf.tensor(numbers);
      }
    });
  },
);
