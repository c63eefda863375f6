/** The part of the interface `GPUComputePassEncoder` that is used here. */
interface PassEncoder {
  setPipeline(pipeline: { label: string }): void;
  dispatchWorkgroups(...size: number[]): void;
}

/** Launches on a device by program name, most frequent first. */
export type Launches = Map<string, number>;

/**
 * Counts launches on WebGPU devices while `run` computes, in `GPUComputePassEncoder.dispatchWorkgroups`.
 *
 * @param compute - Whether to run the launches. If not, results are meaningless, and a step of any size is counted quickly.
 */
export function countLaunches(run: () => void, { compute = true } = {}): Launches {
  const { prototype } = (globalThis as unknown as { GPUComputePassEncoder: { prototype: PassEncoder } })
    .GPUComputePassEncoder;
  const { setPipeline, dispatchWorkgroups } = prototype;
  const launches: Launches = new Map();
  let current = '';
  prototype.setPipeline = function (pipeline) {
    current = pipeline.label;
    setPipeline.call(this, pipeline);
  };
  prototype.dispatchWorkgroups = function (...size) {
    launches.set(current, (launches.get(current) ?? 0) + 1);
    if (compute) dispatchWorkgroups.apply(this, size);
  };
  try {
    run();
  } finally {
    Object.assign(prototype, { setPipeline, dispatchWorkgroups });
  }
  return new Map([...launches].sort(([, a], [, b]) => b - a));
}

/** Total number of launches. */
export const total = (launches: Launches): number => [...launches.values()].reduce((sum, n) => sum + n, 0);
