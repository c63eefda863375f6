import * as tf from '@tensorflow/tfjs';
import { addressOf, type WasmBackend } from './kernel_support';
import {
  inOrder,
  namedKernels,
  type CompiledKernels,
  type KernelName,
  type RawKernels,
  type UnitArgs,
} from './compiled';
import type { HostModule } from './host_module';

/** A range of a tensor's values. */
export interface Span {
  info: tf.TensorInfo;
  /** First value. */
  start: number;
  /** Number of values. */
  length: number;
}

/** All values of a tensor, or those of entries `first .. first + count` of its first axis. */
export function spanOf(info: tf.TensorInfo, first = 0, count?: number): Span {
  const size = tf.util.sizeFromShape(info.shape);
  if (count === undefined) return { info, start: 0, length: size };
  const each = size / info.shape[0]!;
  return { info, start: first * each, length: count * each };
}

/** Values that a thread takes at once where each is computed by itself: 64 KiB, a multiple of every vector. */
export const VALUES_PER_UNIT = 2 ** 14;

/** Units of so many values. */
export const unitsOf = (count: number) => Math.ceil(count / VALUES_PER_UNIT);

/** Threads that run kernels on a heap that they share. */
export interface ThreadTeam {
  /** Number of threads, including the calling one. */
  readonly threads: number;
  /** Runs `kernel(unit, scratch + thread * scratchBytes, ...args)` for every unit and waits for all. */
  run(kernel: string, units: number, scratch: number, scratchBytes: number, args: readonly number[]): void;
}

/** The host's heap with the compiled kernels, which work on tensors in place, and the threads that run them. */
export class Workspace {
  readonly kernels: CompiledKernels;
  /** The threads, if there are several. */
  team: ThreadTeam | undefined;
  private backend!: WasmBackend;
  private readonly held: number[] = [];

  constructor(
    /** The compiled kernels. */
    readonly module: WebAssembly.Module,
    readonly raw: RawKernels,
    readonly host: HostModule,
  ) {
    this.kernels = namedKernels(raw);
  }

  get threads(): number {
    return this.team?.threads ?? 1;
  }

  /** Runs `work`, which may request addresses and memory; the memory is freed afterwards. May be nested. */
  scope(backend: WasmBackend, work: () => void): void {
    this.backend = backend;
    const start = this.held.length;
    try {
      work();
    } finally {
      for (const address of this.held.splice(start)) this.host._free(address);
    }
  }

  /** Address of a tensor's values. */
  address({ info, start }: Span): number {
    return addressOf(this.backend, info) + 4 * start;
  }

  /** Address of a copy of integers, four bytes each. */
  integers(values: ArrayLike<number>): number {
    const address = this.scratch(4 * values.length);
    new Int32Array(this.host.asm.memory.buffer).set(values, address >>> 2);
    return address;
  }

  integerAt(address: number): number {
    return new Int32Array(this.host.asm.memory.buffer)[address >>> 2]!;
  }

  /** Address of temporary memory, aligned to a cache line. */
  scratch(bytes: number): number {
    const address = this.host._malloc(bytes + LINE);
    this.held.push(address);
    // addresses from 2 GiB are negative numbers
    return ((address + LINE - 1) & -LINE) >>> 0;
  }

  /**
   * Runs `kernel` with these arguments for every unit, on all threads, and waits for them.
   *
   * @param scratchBytes - Scratch memory per thread.
   */
  run<Kernel extends KernelName>(
    kernel: Kernel,
    units: number,
    scratchBytes: number,
    args: UnitArgs<Kernel>,
  ): void {
    const rest = inOrder(kernel, args);
    const each = LINE * Math.ceil(scratchBytes / LINE);
    const team = units > 1 ? this.team : undefined;
    this.scope(this.backend, () => {
      const scratch = this.scratch(each * (team?.threads ?? 1));
      if (team !== undefined) return team.run(kernel, units, scratch, each, rest);
      const run = this.raw[kernel]!;
      for (let unit = 0; unit < units; unit++) run(unit, scratch, ...rest);
    });
  }
}

/** Bytes of a cache line: threads that write to the same one slow each other down. */
const LINE = 64;
