import { registerInMemoryKernel } from '../in_memory';
import { ADAM_KERNEL, type AdamAttrs, type AdamInputs } from './contract';

registerInMemoryKernel<AdamInputs, AdamAttrs>(ADAM_KERNEL, ({ inputs, attrs, backend }) => {
  const { value, gradient, firstMoment, secondMoment, accBeta1, accBeta2 } = inputs;
  const results = [value, firstMoment, secondMoment].map(({ shape }) => backend.make(shape));
  const [w, g, m, v, power1, power2, newW, newM, newV] = backend.values([
    ...[value, gradient, firstMoment, secondMoment, accBeta1, accBeta2],
    ...results,
  ]) as Float32Array[] as NineArrays;

  // every operation is rounded to float32, so that the result equals the host's bit for bit
  const { fround, sqrt } = Math;
  const [beta1, share1] = [fround(attrs.beta1), fround(1 - attrs.beta1)];
  const [beta2, share2] = [fround(attrs.beta2), fround(1 - attrs.beta2)];
  const [rate, epsilon] = [fround(attrs.learningRate), fround(attrs.epsilon)];
  const [c1, c2] = [fround(1 - power1[0]!), fround(1 - power2[0]!)];
  for (let i = 0; i < w.length; i++) {
    const slope = g[i]!;
    const mean = fround(fround(beta1 * m[i]!) + fround(share1 * slope));
    const square = fround(fround(beta2 * v[i]!) + fround(share2 * fround(slope * slope)));
    const scale = fround(fround(sqrt(fround(square / c2))) + epsilon);
    newM[i] = mean;
    newV[i] = square;
    newW[i] = w[i]! - fround(rate * fround(fround(mean / c1) / scale));
  }
  return results;
});

type Floats = Float32Array;
type NineArrays = [Floats, Floats, Floats, Floats, Floats, Floats, Floats, Floats, Floats];
