import * as tf from '@tensorflow/tfjs';
import { seededRandom } from '../../src/base/random';

/** Backbone weights as a function of their name, the formula that test/golden/README.md gives. */
export function formulaWeight(name: string, shape: number[]): tf.Tensor {
  const random = seededRandom(fnv1a(name));
  const size = shape.reduce((a, b) => a * b, 1);
  const fanIn = size / (shape[0] ?? 1);
  const map = (u: number) => {
    if (shape.length === 4) return u * Math.sqrt(6 / fanIn);
    if (name.endsWith('running_var')) return 1 + 0.5 * Math.abs(u);
    if (shape.length === 1 && name.endsWith('.weight')) return 1 + 0.1 * u;
    return 0.1 * u;
  };
  return tf.tensor(
    Float32Array.from({ length: size }, () => map(2 * random() - 1)),
    shape,
  );
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
