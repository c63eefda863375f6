import type { DicomDataSet } from './data_set';
import type { ElementSet } from './element_set';

const SHARED_GROUPS = 'x52009229';
const FRAME_GROUPS = 'x52009230';

/** SOP classes of enhanced CT, and of CT converted to it. */
export const ENHANCED_CLASSES = ['2.1', '2.2'].map((end) => `1.2.840.10008.5.1.4.1.1.${end}`);

/**
 * Functional groups of enhanced images (PS3.3, C.7.6.16): sequences of one item with elements that a plain file has at
 * its top level.
 */
export const GROUPS = {
  measures: 'x00289110',
  position: 'x00209113',
  orientation: 'x00209116',
  content: 'x00209111',
  values: 'x00289145',
  windows: 'x00289132',
  ctFrameType: 'x00189329',
} as const;

/** The elements of a frame in its own or the shared functional groups. */
export interface FrameElements {
  /** Whether the file is of a kind with functional groups. */
  isEnhanced: boolean;
  /** Number of frames with their own groups. */
  described: number;
  /** A group's elements; undefined if it is in neither sequence. */
  group(tag: string): ElementSet | undefined;
}

/** The elements of each frame of a file; a plain image has one frame. */
export function framesOf(dataSet: DicomDataSet): (frame: number) => FrameElements {
  const shared = dataSet.items(SHARED_GROUPS)[0];
  const own = dataSet.items(FRAME_GROUPS);
  const sopClass = dataSet.text('x00080016') ?? dataSet.mediaClass;
  const isEnhanced =
    shared !== undefined || own.length > 0 || (sopClass !== undefined && ENHANCED_CLASSES.includes(sopClass));
  return (frame) => ({
    isEnhanced,
    described: own.length,
    group: (tag) => own[frame]?.items(tag)[0] ?? shared?.items(tag)[0],
  });
}
