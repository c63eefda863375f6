import type { DataLocation } from '../../base/errors';
import type { PreparationSettings, StackRequest } from './slice_preparation';

/** What a preparation thread is started with. */
export interface PreparationThreadData {
  settings: PreparationSettings;
}

/** A stack that is asked of a preparation thread. */
export interface PreparationOrder {
  id: number;
  request: StackRequest;
}

/** What it answers. */
export type PreparationReply =
  | { id: number; values: Float32Array<ArrayBuffer>; shape: [number, number, number, number] }
  | { id: number; error: { name: string; message: string; location?: DataLocation } };
