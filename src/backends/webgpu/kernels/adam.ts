import type * as tf from '@tensorflow/tfjs';
import { ADAM_STEP_KERNEL, type AdamStepAttrs } from '../../../kernels/adam/contract';
import type { WebGpuBackend } from '../backend';
import { forEach, groupsFor, launch, sizeOf, webGpuKernel, type Results } from '../launch';

/** Variables per launch: four tensors each, of the eight that every device supports. */
const AT_ONCE = 2;

/** Most workgroups per variable: the threads of large ones process several values each. */
const MOST_GROUPS = 1024;

const MOMENTS = ['value', 'firstMoment', 'secondMoment'];

/** A step of all variables, in place, two per launch. */
export const adamStep = webGpuKernel<string, AdamStepAttrs>(ADAM_STEP_KERNEL, (args) => {
  const { inputs, attrs, backend, results } = args;
  const changed = attrs.rates.map((_, variable) =>
    MOMENTS.map((name) => ownValues(backend, results, inputs[`${name}${variable}`]!)),
  );
  const { rates, beta1, beta2, epsilon, correction1, correction2 } = attrs;
  // variables of similar size share a launch, so that no workgroup is idle
  const order = rates.map((_, k) => k).sort((a, b) => lengthOf(inputs, b) - lengthOf(inputs, a));
  for (let first = 0; first < order.length; first += AT_ONCE) {
    const part = order.slice(first, first + AT_ONCE);
    const each = part.map((_, k) => k);
    const named = (name: string, tensor: (variable: number) => tf.TensorInfo) =>
      Object.fromEntries(part.map((variable, k) => [`${name}${k}`, tensor(variable)]));
    const perVariable = (name: string, value: (variable: number) => number) =>
      Object.fromEntries(part.map((variable, k) => [`${name}${k}`, value(variable)]));
    const largest = Math.max(...part.map((variable) => lengthOf(inputs, variable)));
    launch(backend, {
      name: ADAM_STEP_KERNEL,
      inputs: named('gradient', (variable) => inputs[`gradient${variable}`]!),
      outputs: Object.assign({}, ...MOMENTS.map((name, i) => named(name, (v) => changed[v]![i]!))) as Tensors,
      whole: perVariable('count', (variable) => lengthOf(inputs, variable)),
      real: {
        ...perVariable('rate', (variable) => rates[variable]!),
        ...{ beta1, share1: 1 - beta1, beta2, share2: 1 - beta2, epsilon, correction1, correction2 },
      },
      groups: [Math.min(MOST_GROUPS, groupsFor(largest)), part.length],
      main: each
        .map(
          (k) => `
        if (group.y == ${k}u) {
          for (var i = group.x * 256u + thread; i < u.count${k}; i += groups.x * 256u) {
            let g = gradient${k}[i];
            let m = u.beta1 * firstMoment${k}[i] + u.share1 * g;
            let v = u.beta2 * secondMoment${k}[i] + u.share2 * (g * g);
            firstMoment${k}[i] = m;
            secondMoment${k}[i] = v;
            value${k}[i] -= u.rate${k} * ((m / u.correction1) / (sqrt(v / u.correction2) + u.epsilon));
          }
        }`,
        )
        .join('\n'),
    });
  }
  return changed.flat();
});

type Tensors = Record<string, tf.TensorInfo>;

/** Where a variable's new values are written: over the old ones, or over a copy if a clone shares them. */
function ownValues(backend: WebGpuBackend, results: Results, info: tf.TensorInfo): tf.TensorInfo {
  const { dataId, shape, dtype } = info;
  if (backend.refCount(dataId) === 1) return results.again({ dataId, shape, dtype });
  const copy = results.make(shape);
  const count = sizeOf(shape);
  launch(backend, {
    name: ADAM_STEP_KERNEL,
    inputs: { x: info },
    outputs: { copy },
    whole: { count },
    groups: [groupsFor(count)],
    main: forEach('u.count', 'copy[i] = x[i];'),
  });
  return copy;
}

const lengthOf = (inputs: Tensors, variable: number) => sizeOf(inputs[`value${variable}`]!.shape);
