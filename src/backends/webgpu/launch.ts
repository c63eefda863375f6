import * as tf from '@tensorflow/tfjs';
import { OutOfMemoryError } from '../../base/errors';
import type { Pipeline, WebGpuBackend } from './backend';
import { noteWritten } from './guard';

/** Number of values of a shape. */
export const sizeOf = (shape: number[]): number => tf.util.sizeFromShape(shape);

/** Default number of threads per workgroup. */
const GROUP = 256;

/** One launch of a program on the device. */
export interface Launch {
  /** Label of the program. */
  name: string;
  /** Tensors by their names in the code; undefined ones are not declared. */
  inputs?: Record<string, tf.TensorInfo | undefined>;
  /** Tensors that are written, and may be read. */
  outputs: Record<string, tf.TensorInfo | undefined>;
  /** Numbers that are fields of `u` in the code: `whole` as `u32`, `real` as `f32`. */
  whole?: Record<string, number>;
  real?: Record<string, number>;
  /** Number of workgroups. */
  groups: readonly [x: number, y?: number];
  /**
   * Threads of a workgroup.
   * @defaultValue {@link GROUP}
   */
  threads?: number;
  /** Declarations outside the entry point. */
  declarations?: string;
  /** Types of tensors in the code, if different from those of the tensors. */
  types?: Record<string, string>;
  /** WGSL of the entry point, which can use `group`, `groups` and `thread`. */
  main: string;
}

/** Compiled programs of a device, by their source. */
const programs = new WeakMap<object, Map<string, Pipeline>>();

/**
 * Launches a program, which unlike the host's may write several tensors, and in place.
 *
 * Like the host's programs it is recorded and submitted with others; the guard checks its operands and results.
 */
export function launch(backend: WebGpuBackend, work: Launch): void {
  const bindings = [...present(work.inputs), ...present(work.outputs)];
  if (bindings.some(([, { shape }]) => shape.includes(0))) {
    // devices have no empty buffers; sums over nothing are 0
    for (const [, { dataId, shape }] of present(work.outputs)) {
      backend.tensorMap.get(dataId)!.values = new Float32Array(sizeOf(shape));
    }
    return;
  }
  const uniforms = [
    ...Object.values(work.whole ?? {}).map((value) => ({ type: 'uint32' as const, data: [value] })),
    ...Object.values(work.real ?? {}).map((value) => ({ type: 'float32' as const, data: [value] })),
  ];
  checkGroups(backend, work);
  for (const [, { dataId }] of bindings) backend.uploadToGPU(dataId);
  const pipeline = programOf(backend, work.name, sourceOf(work));
  const resources = [
    ...bindings.map(([, { dataId }]) => ({ buffer: backend.tensorMap.get(dataId)!.resource })),
    backend.makeUniforms(uniforms),
  ];
  const group = backend.device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: resources.map((resource, binding) => ({ binding, resource })),
  });
  backend.ensureCommandEncoderReady();
  backend.computePassEncoder ??= backend.commandEncoder!.beginComputePass();
  const pass = backend.computePassEncoder;
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  const [x, y = 1] = work.groups;
  pass.dispatchWorkgroups(x, y, 1);
  for (const [, { dataId }] of bindings) backend.commandQueueOwnedIds.add(dataId);
  for (const [, { dataId }] of present(work.outputs)) {
    backend.tensorMap.get(dataId)!.values = null; // values read before are outdated
    noteWritten(backend, dataId);
  }
  backend.dispatchCountInPass++;
  if (backend.dispatchCountInPass >= (tf.env().get('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE') as number)) {
    backend.endComputePassEncoder();
    backend.submitQueue();
  }
}

/** Otherwise the device would report a less specific error later. */
function checkGroups({ device }: WebGpuBackend, { name, groups: [x, y = 1] }: Launch): void {
  const { maxComputeWorkgroupsPerDimension: most } = device.limits;
  const wanted = Math.max(x, y);
  if (wanted <= most) return;
  throw new OutOfMemoryError(
    `the webgpu kernel ${name} needs ${wanted} workgroups for these tensors, but the device supports at most ${most}; lower the batch size`,
  );
}

const present = (tensors: Launch['inputs'] = {}) =>
  Object.entries(tensors).filter((entry): entry is [string, tf.TensorInfo] => entry[1] !== undefined);

function programOf({ device }: WebGpuBackend, label: string, code: string): Pipeline {
  const known = programs.get(device) ?? new Map<string, Pipeline>();
  programs.set(device, known);
  let pipeline = known.get(code);
  if (pipeline === undefined) {
    const module = device.createShaderModule({ label, code });
    pipeline = device.createComputePipeline({
      label,
      layout: 'auto',
      compute: { module, entryPoint: 'main' },
    });
    known.set(code, pipeline);
  }
  return pipeline;
}

function sourceOf(work: Launch): string {
  const { whole = {}, real = {}, threads = GROUP, declarations = '', types = {}, main } = work;
  const typeOf = (name: string, { dtype }: tf.TensorInfo) =>
    types[name] ?? (dtype === 'float32' ? 'f32' : 'i32');
  const declared = [
    ...present(work.inputs).map(
      ([name, info]) => `var<storage, read> ${name}: array<${typeOf(name, info)}>;`,
    ),
    ...present(work.outputs).map(
      ([name, info]) => `var<storage, read_write> ${name}: array<${typeOf(name, info)}>;`,
    ),
    'var<uniform> u: Numbers;',
  ].map((declaration, binding) => `@group(0) @binding(${binding}) ${declaration}`);
  const fields = [
    ...Object.keys(whole).map((name) => `${name}: u32`),
    ...Object.keys(real).map((name) => `${name}: f32`),
  ];
  return `// ${work.name}
struct Numbers { ${fields.join(', ')} }
${declared.join('\n')}
${declarations}
@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
${main}
}`;
}

/** Results and temporary tensors of a kernel, which are disposed if it fails. */
export class Results {
  private readonly made: tf.TensorInfo[] = [];
  private readonly scratches = new Set<tf.TensorInfo>();

  private constructor(private readonly backend: WebGpuBackend) {}

  /** Runs `work`; disposes its temporary tensors and, if it throws, its results. */
  static of<T>(backend: WebGpuBackend, work: (results: Results) => T): T {
    const results = new Results(backend);
    try {
      const value = work(results);
      for (const { dataId } of results.scratches) backend.disposeData(dataId);
      return value;
    } catch (error) {
      for (const { dataId } of results.made) backend.disposeData(dataId);
      throw error;
    }
  }

  /** A float32 tensor, uninitialised or with the given values. */
  make(shape: number[], values?: Float32Array): tf.TensorInfo {
    const info = this.backend.makeTensorInfo(shape, 'float32', values);
    this.made.push(info);
    return info;
  }

  /** An existing tensor as a result. */
  again(info: tf.TensorInfo): tf.TensorInfo {
    this.backend.incRef(info.dataId);
    this.made.push(info);
    return info;
  }

  /** A temporary float32 tensor. */
  scratch(shape: number[], values?: Float32Array): tf.TensorInfo {
    const info = this.make(shape, values);
    this.scratches.add(info);
    return info;
  }

  /** The tensor with its values converted to its type: the host's cast from int32 to float32 does not convert them. */
  asItSays(info: tf.TensorInfo): tf.TensorInfo {
    const { dtype } = this.backend.tensorMap.get(info.dataId)!;
    if (dtype === info.dtype || info.dtype !== 'float32') return info;
    const floats = this.scratch(info.shape);
    const count = sizeOf(info.shape);
    launch(this.backend, {
      name: 'CtFloats',
      inputs: { whole: { ...info, dtype: 'int32' } },
      outputs: { floats },
      whole: { count },
      groups: [groupsFor(count)],
      main: forEach('u.count', 'floats[i] = f32(whole[i]);'),
    });
    return floats;
  }

  /** A temporary int32 tensor. */
  integers(values: Int32Array): tf.TensorInfo {
    const info = this.backend.makeTensorInfo([values.length], 'int32', values);
    this.made.push(info);
    this.scratches.add(info);
    return info;
  }
}

/** A kernel for the WebGPU backend with typed inputs and attributes. */
export function webGpuKernel<Inputs extends string, Attrs>(
  kernelName: string,
  run: (args: {
    inputs: Record<Inputs, tf.TensorInfo>;
    attrs: Attrs;
    backend: WebGpuBackend;
    results: Results;
  }) => tf.TensorInfo | tf.TensorInfo[],
): tf.KernelConfig {
  const kernelFunc: tf.KernelFunc = ({ inputs, attrs, backend: host }) => {
    const backend = host as WebGpuBackend;
    return Results.of(backend, (results) => {
      const entries = Object.entries(inputs).map(([name, info]) => [name, results.asItSays(info!)]);
      const tensors = Object.fromEntries(entries) as Record<Inputs, tf.TensorInfo>;
      return run({ inputs: tensors, attrs: attrs as Attrs, backend, results });
    });
  };
  return { kernelName, backendName: 'webgpu', kernelFunc };
}

/** A loop over `count` items by all threads of all workgroups. */
export const forEach = (count: string, body: string): string => `
  for (var i = group.x * ${GROUP}u + thread; i < ${count}; i += groups.x * ${GROUP}u) {
    ${body}
  }`;

/** Number of workgroups for {@link forEach}, within the limit of every device. */
export const groupsFor = (count: number): number => Math.min(65_535, Math.max(1, Math.ceil(count / GROUP)));
