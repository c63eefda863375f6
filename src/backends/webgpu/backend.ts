import type * as tf from '@tensorflow/tfjs';

/** The part of the host's class `WebGPUBackend` that is used here. */
export interface WebGpuBackend extends tf.KernelBackend {
  device: GpuDevice;
  bufferManager: BufferManager;
  tensorMap: { get(dataId: tf.DataId): TensorData | undefined };
  /** Tensors used by commands that are not yet submitted: their buffers are released afterwards. */
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

/** Where a tensor's values are: in memory, on the device, or, after a read, in both. */
interface TensorData {
  /** Type of the stored values: a cast from int32 to float32 does not convert them. */
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
  /** Buffers kept for reuse, which the host never releases. */
  freeBuffers: Map<string, { size: number; destroy(): void }[]>;
  numFreeBuffers: number;
  numBytesAllocated: number;
  numBytesUsed: number;
}
