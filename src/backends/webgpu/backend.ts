import type * as tf from '@tensorflow/tfjs';

/** What we use of the host's class `WebGPUBackend`. */
export interface WebGpuBackend extends tf.KernelBackend {
  device: GpuDevice;
  bufferManager: BufferManager;
  tensorMap: { get(dataId: tf.DataId): TensorData | undefined };
  /** Tensors that commands not yet submitted use: their buffers are given back after these. */
  commandQueueOwnedIds: WeakSet<tf.DataId>;
  commandEncoder: { beginComputePass(): ComputePass } | null;
  computePassEncoder: ComputePass | null;
  dispatchCountInPass: number;
  uploadToGPU(dataId: tf.DataId): void;
  makeTensorInfo(shape: number[], dtype: string, values?: tf.BackendValues): tf.TensorInfo;
  makeUniforms(uniforms: { type: 'int32' | 'uint32' | 'float32'; data: number[] }[]): object;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  runWebGPUProgram(
    program: { outputShape: number[] },
    inputs: tf.TensorInfo[],
    dtype: string,
    uniforms?: unknown,
    output?: tf.TensorInfo,
  ): tf.TensorInfo;
  read(dataId: tf.DataId): Promise<tf.BackendValues>;
  readSync(dataId: tf.DataId): tf.BackendValues;
  readToGPU(dataId: tf.DataId): tf.GPUData;
}

/** Where a tensor's values are: in memory, on the device, or, having been read, in both. */
interface TensorData {
  /** Of the values as they lie there: a cast from whole numbers to float32 leaves them as they are. */
  dtype: string;
  values?: tf.BackendValues | null;
  resource?: object | null;
}

interface GpuDevice {
  limits: {
    maxBufferSize: number;
    maxStorageBufferBindingSize: number;
    maxComputeWorkgroupsPerDimension: number;
    maxComputeInvocationsPerWorkgroup: number;
    maxComputeWorkgroupSizeX: number;
  };
  lost: Promise<{ reason: string; message: string }>;
  addEventListener(type: 'uncapturederror', listener: (event: { error: Error }) => void): void;
  createShaderModule(descriptor: { label: string; code: string }): object;
  createComputePipeline(descriptor: object): Pipeline;
  createBindGroup(descriptor: object): object;
}

/** A compiled program of the device. */
export interface Pipeline {
  getBindGroupLayout(index: number): object;
}

interface ComputePass {
  setPipeline(pipeline: Pipeline): void;
  setBindGroup(index: number, group: object): void;
  dispatchWorkgroups(x: number, y: number, z: number): void;
}

export interface BufferManager {
  acquireBuffer(size: number, usage: number, ...rest: boolean[]): unknown;
  /** Buffers kept for later, which the host never gives back. */
  freeBuffers: Map<string, { size: number; destroy(): void }[]>;
  numFreeBuffers: number;
  numBytesAllocated: number;
  numBytesUsed: number;
}
