import type { NamedFile, Pixels, SeriesItem } from '../protocol';
import type { Orientation } from './pixels';

/** A stack in memory. */
export interface LoadedStack {
  item: SeriesItem;
  kind: 'dicom' | 'pictures';
  /** `[slices, rows, columns]`: HU, or for pictures gray values in 0..1. */
  values: Float32Array;
  slices: { name: string; source: NamedFile; frame: number | undefined }[];
  rows: number;
  columns: number;
  orientation: Orientation | undefined;
  spacing: Pixels['spacing'];
  letters: Pixels['letters'];
  /** Suggested window; unknown for pictures. */
  window: Pixels['window'] | undefined;
  notScored: string | undefined;
}
