import type * as tf from '@tensorflow/tfjs';
import { addressOf, floats, type WasmBackend } from './kernel_support';
import {
  inOrder,
  namedKernels,
  type CompiledKernels,
  type KernelName,
  type RawKernels,
  type UnitArgs,
} from './compiled';
import type { HostModule } from './host_module';

/** Part of a tensor's values. */
export interface Span {
  info: tf.TensorInfo;
  /** First value. */
  start: number;
  /** Number of values. */
  length: number;
}

/**
 * Memory in which compiled kernels meet tensors of the host, and threads that run them there.
 */
export interface Workspace {
  readonly threads: number;
  readonly kernels: CompiledKernels;
  /**
   * Runs `work`, in which addresses may be asked for; when it is done, what was written is brought back to its tensors and
   * the memory asked for is given back. May be nested.
   */
  scope(backend: WasmBackend, work: () => void): void;
  /** Address of a tensor's values, to read. */
  input(span: Span): number;
  /** Address at which to write a tensor's values; what was there before is lost. */
  output(span: Span): number;
  /** Puts whole numbers there, four bytes each. */
  integers(values: ArrayLike<number>): number;
  /** Address of memory for the time being. */
  scratch(bytes: number): number;
  /**
   * Runs `kernel` with these arguments for every unit, on all threads, and waits for them.
   *
   * @param scratchBytes - Memory each thread gets for itself.
   */
  run<Kernel extends KernelName>(
    kernel: Kernel,
    units: number,
    scratchBytes: number,
    args: UnitArgs<Kernel>,
  ): void;
}

/** All of a tensor, or the part of it that belongs to entries `first .. first + count` of its first axis. */
export function spanOf(info: tf.TensorInfo, first = 0, count?: number): Span {
  const size = info.shape.reduce((product, n) => product * n, 1);
  if (count === undefined) return { info, start: 0, length: size };
  const each = size / info.shape[0]!;
  return { info, start: first * each, length: count * each };
}

/** Works on the host's own heap, where tensors need not be copied; on one thread. */
export class HostWorkspace implements Workspace {
  readonly threads = 1;
  readonly kernels: CompiledKernels;
  private backend!: WasmBackend;
  private readonly held: number[] = [];

  constructor(
    private readonly raw: RawKernels,
    private readonly host: HostModule,
  ) {
    this.kernels = namedKernels(raw);
  }

  scope(backend: WasmBackend, work: () => void): void {
    this.backend = backend;
    const start = this.held.length;
    try {
      work();
    } finally {
      for (const address of this.held.splice(start)) this.host._free(address);
    }
  }

  input({ info, start }: Span): number {
    return addressOf(this.backend, info) + 4 * start;
  }

  output(span: Span): number {
    return this.input(span);
  }

  integers(values: ArrayLike<number>): number {
    const address = this.scratch(4 * values.length);
    new Int32Array(this.host.asm.memory.buffer).set(values, address >>> 2);
    return address;
  }

  /** The integer at an address. */
  integerAt(address: number): number {
    return new Int32Array(this.host.asm.memory.buffer)[address >>> 2]!;
  }

  scratch(bytes: number): number {
    const address = this.host._malloc(bytes + 16);
    this.held.push(address);
    // addresses from 2 GiB on come as negative numbers
    return ((address + 15) & ~15) >>> 0;
  }

  run<Kernel extends KernelName>(
    kernel: Kernel,
    units: number,
    scratchBytes: number,
    args: UnitArgs<Kernel>,
  ): void {
    const run = this.raw[kernel]!;
    const rest = inOrder(kernel, args);
    this.scope(this.backend, () => {
      const scratch = this.scratch(scratchBytes);
      for (let unit = 0; unit < units; unit++) run(unit, scratch, ...rest);
    });
  }
}

/** Threads over memory they share; `ct-multilabel/node` makes one. */
export interface ThreadTeam {
  /** Threads that compute, the calling one among them. */
  readonly threads: number;
  readonly memory: WebAssembly.Memory;
  readonly kernels: RawKernels;
  /** First address that is free for work. */
  readonly base: number;
  /**
   * Runs `kernel(unit, scratch + thread * scratchBytes, ...args)` for every unit and waits for all.
   */
  run(kernel: string, units: number, scratch: number, scratchBytes: number, args: readonly number[]): void;
}

/** Works on memory that threads share: tensors are copied in and out. */
export class SharedWorkspace implements Workspace {
  readonly kernels: CompiledKernels;
  private backend!: WasmBackend;
  private next: number;
  private readonly results: { span: Span; address: number }[] = [];

  constructor(private readonly team: ThreadTeam) {
    this.next = team.base;
    this.kernels = namedKernels(team.kernels);
  }

  get threads(): number {
    return this.team.threads;
  }

  scope(backend: WasmBackend, work: () => void): void {
    this.backend = backend;
    const { next: start } = this;
    const firstResult = this.results.length;
    try {
      work();
      for (const { span, address } of this.results.slice(firstResult)) {
        const values = new Float32Array(this.team.memory.buffer, address, span.length);
        floats(backend, span.info).set(values, span.start);
      }
    } finally {
      this.results.length = firstResult;
      this.next = start;
    }
  }

  input(span: Span): number {
    const address = this.scratch(4 * span.length);
    const values = floats(this.backend, span.info).subarray(span.start, span.start + span.length);
    new Float32Array(this.team.memory.buffer, address, span.length).set(values);
    return address;
  }

  output(span: Span): number {
    const address = this.scratch(4 * span.length);
    this.results.push({ span, address });
    return address;
  }

  integers(values: ArrayLike<number>): number {
    const address = this.scratch(4 * values.length);
    new Int32Array(this.team.memory.buffer, address, values.length).set(values);
    return address;
  }

  scratch(bytes: number): number {
    const address = this.next;
    this.next = roundUp(address + bytes);
    const missing = this.next - this.team.memory.buffer.byteLength;
    if (missing > 0) this.team.memory.grow(Math.ceil(missing / 2 ** 16));
    return address;
  }

  run<Kernel extends KernelName>(
    kernel: Kernel,
    units: number,
    scratchBytes: number,
    args: UnitArgs<Kernel>,
  ): void {
    const each = roundUp(scratchBytes);
    const { next: start } = this;
    const scratch = this.scratch(each * this.threads);
    this.team.run(kernel, units, scratch, each, inOrder(kernel, args));
    this.next = start; // the threads' own memory is free again
  }
}

/** Whole lines of the cache; not by bits, which would make large numbers negative. */
const roundUp = (bytes: number) => 64 * Math.ceil(bytes / 64);
