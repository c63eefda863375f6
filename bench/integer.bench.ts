/**
 * How much faster could prediction be in 8-bit integers? Every convolution of a backbone in float32, as the library computes it, beside
 * the product alone of the same convolution in integers (relaxed SIMD's dot product of bytes). That is a bound: gathering pixels,
 * quantizing them and scaling back are left out, and so is Winograd's algorithm, whose transforms need more than 8 bits.
 *
 *   npx tsx bench/integer.bench.ts
 */
import * as tf from '@tensorflow/tfjs';
import asc from 'assemblyscript/asc';
import { resnet18, squeezenet1_1, vgg16 } from 'ct-multilabel';
import { useBackend } from 'ct-multilabel/node';
import { median, report, skip } from './compare';

const [SLICES, SIZE, ROUNDS] = [8, 224, 7];

/** Tiles of 4 rows by 8 columns as the library's own product has them: `a` is `[rows][depth]`, `b` `[panels][depth / 4][8][4]`. */
const KERNEL = `
export function product(depth: i32, rows: i32, panels: i32, a: usize, b: usize, c: usize): void {
  for (let p = 0; p < panels; p++) {
    for (let i = 0; i < rows; i += 4) {
      let a0 = a + <usize>(i * depth);
      let a1 = a0 + depth;
      let a2 = a1 + depth;
      let a3 = a2 + depth;
      let panel = b + <usize>(p * depth * 8);
      ${[0, 1, 2, 3].map((r) => `let x${r} = i32x4.splat(0); let y${r} = x${r};`).join('\n      ')}
      for (let k = depth; k > 0; k -= 4) {
        const left = v128.load(panel);
        const right = v128.load(panel, 16);
        ${[0, 1, 2, 3]
          .map(
            (r) => `const s${r} = v128.load_splat<i32>(a${r});
        x${r} = i32x4.relaxed_dot_i8x16_i7x16_add_s(left, s${r}, x${r});
        y${r} = i32x4.relaxed_dot_i8x16_i7x16_add_s(right, s${r}, y${r});
        a${r} += 4;`,
          )
          .join('\n        ')}
        panel += 32;
      }
      const to = c + (<usize>(p * rows + i) << 5);
      ${[0, 1, 2, 3].map((r) => `v128.store(to, x${r}, ${32 * r}); v128.store(to, y${r}, ${32 * r + 16});`).join('\n      ')}
    }
  }
}`;

type Product = (depth: number, rows: number, panels: number, a: number, b: number, c: number) => void;

const memory = new WebAssembly.Memory({ initial: 0 });
const module = await compiled(KERNEL);
if (!WebAssembly.validate(module)) {
  skip('convolutions in integers', 'this engine has no relaxed SIMD: Node 22 or newer has it');
  process.exit(0);
}
const instance = await WebAssembly.instantiate(await WebAssembly.compile(module), { env: { memory } });
const product = instance.exports.product as Product;
await useBackend('wasm', { threads: 1 });
for (const [name, make] of Object.entries({ vgg16, resnet18, squeezenet1_1 })) {
  measure(name, make({ inputShape: [SIZE, SIZE, 3], seed: 1 }));
}
process.exit(0);

function measure(name: string, model: tf.LayersModel): void {
  const images = tf.randomUniform([SLICES, SIZE, SIZE, 3]);
  const whole = time(() => (model.predict(images) as tf.Tensor).dataSync());
  let [float, integer, saved] = [0, 0, 0];
  for (const layer of model.layers) {
    const kernel = layer.getWeights().find(({ rank }) => rank === 4);
    if (kernel === undefined) continue;
    const [, ...inputs] = (layer.input as tf.SymbolicTensor).shape as number[];
    const [, rows, columns] = (layer.output as tf.SymbolicTensor).shape as number[];
    const [high, wide, channels, filters] = kernel.shape as [number, number, number, number];
    const x = tf.randomUniform([SLICES, ...inputs]);
    const ours = time(() => (layer.apply(x) as tf.Tensor).dataSync());
    const theirs = timeOfProduct(
      4 * Math.ceil((high * wide * channels) / 4),
      SLICES * rows! * columns!,
      filters,
    );
    x.dispose();
    float += ours;
    integer += theirs;
    saved += Math.max(0, ours - theirs);
  }
  const each = (ms: number) => `${(ms / SLICES).toPrecision(3)} ms`;
  report({
    what: `${name}, 1 thread, per slice`,
    value: `${each(whole)}; its convolutions ${each(float)}, as products of integers ${each(integer)}; with the faster of the two for each convolution, at most ${(whole / (whole - saved)).toFixed(2)}x as fast`,
  });
}

/** Of a product of rows by filters; zeros, as the values do not change its time. */
function timeOfProduct(depth: number, rows: number, filters: number): number {
  const [tall, panels] = [4 * Math.ceil(rows / 4), Math.ceil(filters / 8)];
  const [a, b] = [1024, 1024 + tall * depth];
  const c = 16 * Math.ceil((b + panels * depth * 8) / 16);
  const missing = c + 32 * tall * panels - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 2 ** 16));
  return time(() => product(depth, tall, panels, a, b, c));
}

function time(work: () => unknown): number {
  const times = Array.from({ length: ROUNDS + 2 }, () => {
    const start = performance.now();
    tf.tidy(() => void work());
    return performance.now() - start;
  });
  return median(times.slice(2));
}

async function compiled(source: string): Promise<Uint8Array<ArrayBuffer>> {
  let binary: Uint8Array | undefined;
  const options = ['--runtime', 'stub', '--importMemory', '--noExportMemory', '--initialMemory', '0'];
  const features = [
    '--enable',
    'simd',
    '--enable',
    'relaxed-simd',
    '-O3',
    '--noAssert',
    '--outFile',
    'out.wasm',
  ];
  const { error, stderr } = await asc.main(['in.ts', ...options, ...features], {
    readFile: (name) => (name === 'in.ts' ? source : null),
    writeFile: (_, contents) => void (binary = contents as Uint8Array),
    listFiles: () => [],
  });
  if (error) throw new Error(stderr.toString());
  return new Uint8Array(binary!);
}
