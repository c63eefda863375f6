import { Worker } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs';
import { ArgumentError, CtMultilabelError, DataError } from '../../base/errors';
import { preprocessedChannels } from '../../transforms/preprocessing';
import type { PreparationOrder, PreparationReply, PreparationThreadData } from './preparation_messages';
import { sharedStack, type StackPlace } from './shared_stack';
import type { PreparationSettings, StackRequest } from './slice_preparation';

/** Stacks per thread: the one it works on, and the next, which it starts while the caller is busy. */
const STACKS_A_THREAD = 2;

/**
 * Threads that prepare stacks ahead of the training step.
 *
 * A stack is sent immediately to the thread with the fewest stacks, which queues it, so that threads continue while the
 * calling one computes. The caller limits the number of stacks requested at a time, see
 * {@link PreparationPool.capacity}. Threads start immediately, since that takes a second, and do not keep the process
 * alive when idle.
 */
export class PreparationPool {
  private threads: PreparationThread[] = [];
  private closed = false;

  constructor(
    private readonly size: number,
    private readonly settings: PreparationSettings,
  ) {
    this.startThreads();
  }

  /** Number of stacks to request at a time, so that every thread has work. */
  get capacity(): number {
    return STACKS_A_THREAD * this.size;
  }

  /**
   * Prepares a stack, which the caller disposes.
   *
   * @throws Errors of the preparation; CtMultilabelError if the thread ended before it was done.
   */
  async prepare(request: StackRequest): Promise<tf.Tensor4D> {
    if (this.closed) throw new CtMultilabelError('the threads that prepare slices have been closed');
    this.startThreads();
    const idlest = this.threads.reduce((a, b) => (b.waiting < a.waiting ? b : a));
    const shape = this.shapeOf(request);
    const shared = sharedStack(shape);
    try {
      const values = await idlest.order(request, shared?.place);
      return shared?.tensor ?? tf.tensor4d(values!, shape);
    } catch (error) {
      // neither a thread that has replied nor one that has ended writes to it
      shared?.tensor.dispose();
      throw error;
    }
  }

  private shapeOf({ slices, picks }: StackRequest): tf.Tensor4D['shape'] {
    const { preprocessing } = this.settings;
    return [(picks ?? slices).length, ...preprocessing.imageSize, preprocessedChannels(preprocessing)];
  }

  /** Starts missing threads, and replaces those that ended. */
  private startThreads(): void {
    this.threads = this.threads.filter((thread) => !thread.ended);
    while (this.threads.length < this.size) this.threads.push(new PreparationThread(this.settings));
  }

  /** Ends the threads; their pending stacks are not delivered. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all(this.threads.map((thread) => thread.close()));
    this.threads = [];
  }
}

/** Values of a stack, unless they have been written to their place. */
type Values = Float32Array<ArrayBuffer> | undefined;

/** A thread and its pending requests. */
class PreparationThread {
  ended = false;
  private readonly worker: Worker;
  private readonly orders = new Map<
    number,
    { resolve: (values: Values) => void; reject: (error: Error) => void }
  >();
  private ordered = 0;

  constructor(settings: PreparationSettings) {
    this.worker = startThread({ settings });
    this.worker.on('message', (reply: PreparationReply) => {
      const order = this.orders.get(reply.id);
      this.settle(reply.id);
      if ('error' in reply) order?.reject(errorOf(reply.error));
      else order?.resolve(reply.values);
    });
    this.worker.on('error', (error) => this.end(error));
    this.worker.on('exit', (code) => this.end(new Error(`exit code ${code}`)));
    // now, and again when it has started, which makes it keep the process alive again
    this.worker.unref();
    this.worker.once('online', () => this.orders.size === 0 && this.worker.unref());
  }

  /** Number of pending stacks. */
  get waiting(): number {
    return this.orders.size;
  }

  order(request: StackRequest, place: StackPlace | undefined): Promise<Values> {
    const id = this.ordered++;
    return new Promise((resolve, reject) => {
      this.orders.set(id, { resolve, reject });
      // keep the process alive while the caller waits for a stack
      this.worker.ref();
      this.worker.postMessage({ id, request, ...(place && { place }) } satisfies PreparationOrder);
    });
  }

  async close(): Promise<void> {
    await this.worker.terminate();
  }

  private settle(id: number): void {
    this.orders.delete(id);
    if (this.orders.size === 0) this.worker.unref();
  }

  private end(cause: Error): void {
    this.ended = true;
    for (const [id, { reject }] of this.orders) {
      this.settle(id);
      reject(new CtMultilabelError(`a thread that prepares slices ended: ${cause.message}`, { cause }));
    }
  }
}

/**
 * Starts the compiled thread of the package or, when running from the sources in tests and examples, the source through
 * their loader.
 */
function startThread(workerData: PreparationThreadData): Worker {
  const here = import.meta.url;
  if (!here.endsWith('.ts')) return new Worker(new URL('./preparation_thread.js', here), { workerData });
  const source = JSON.stringify(new URL('./preparation_thread.ts', here).href);
  const program = `import('tsx/esm/api').then(({ tsImport }) => tsImport(${source}, ${source}))`;
  return new Worker(program, { eval: true, workerData, execArgv: [] });
}

/** The error of a thread, as it would have been thrown here. */
function errorOf({ name, message, location }: Extract<PreparationReply, { error: unknown }>['error']): Error {
  if (location) return Object.assign(new DataError(message), { location });
  return name === 'ArgumentError' ? new ArgumentError(message) : new CtMultilabelError(`${name}: ${message}`);
}
