/** What we use of the interface `GPUComputePassEncoder`. */
interface PassEncoder {
  setPipeline(pipeline: { label: string }): void;
  dispatchWorkgroups(...size: number[]): void;
}

/** Launches on a device, by the name of what was launched, most frequent first. */
export type Launches = Map<string, number>;

/**
 * What is launched on WebGPU devices while `run` computes, counted where each launch passes,
 * `GPUComputePassEncoder.dispatchWorkgroups`.
 *
 * @param compute - Whether what is launched also runs. If not, results are no numbers, and a step of any size is counted in little time.
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

/** All of them together. */
export const total = (launches: Launches): number => [...launches.values()].reduce((sum, n) => sum + n, 0);
