import type { DataLocation } from '../../base/errors';
import type { StackPlace } from './shared_stack';
import type { PreparationSettings, StackRequest } from './slice_preparation';

/** Data with which a preparation thread is started. */
export interface PreparationThreadData {
  settings: PreparationSettings;
}

/** A request to a preparation thread. */
export interface PreparationOrder {
  id: number;
  request: StackRequest;
  /** Where to write the stack; if missing, its values are sent. */
  place?: StackPlace;
}

/** The reply of a preparation thread. */
export type PreparationReply =
  | { id: number; values?: Float32Array<ArrayBuffer> }
  | { id: number; error: { name: string; message: string; location?: DataLocation } };
