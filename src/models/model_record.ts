import type * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import { describe } from '../base/describe';
import { createPreprocessing, type CtPreprocessing } from '../transforms/preprocessing';
import type { Labels } from '../base/types';

/** What the images and the outputs of a model that was loaded are. */
export interface ModelRecord {
  /** Label names, in the order of the outputs. */
  labels: Labels;
  /** What happened to each slice that the model was trained on. */
  preprocessing: CtPreprocessing;
}

/** The same key in every copy of this module, as an ESM and a CommonJS one. */
const RECORD = Symbol.for('ct-multilabel.modelRecord');

/** Remembers what a model was trained on, for {@link checkSourceFits}. */
export function rememberRecord(model: tf.LayersModel, { labels, preprocessing }: ModelRecord): void {
  Object.defineProperty(model, RECORD, { value: { labels, preprocessing }, configurable: true });
}

/** What says how slices are labelled, and maybe how they are prepared. */
type Study = { labels: Labels; preprocessing?: object };

/**
 * Refuses a source whose labels are not those that a loaded model's outputs stand for, name by name, or whose slices are prepared in
 * another way: both would give plausible numbers that are wrong. A model that was not loaded, and a source that does not say how it
 * prepares slices, are taken as they are.
 *
 * @param what - The source, as an error names it.
 * @throws ArgumentError that lists what differs.
 */
export function checkSourceFits(what: string, model: tf.LayersModel, source: Study): void {
  const record = (model as { [RECORD]?: ModelRecord })[RECORD];
  if (record === undefined) return;
  compare(what, record, source, {
    labels: (labels) =>
      `the labels of the checkpoint in their order, ${labels} (open the study with labels: manifest.labels)`,
    preprocessing: (value) =>
      `${value}, as the checkpoint was trained (open the study with preprocessing: manifest.preprocessing)`,
  });
}

/**
 * Refuses a source that is not what a training's description will say of the model: who loads it would read its outputs wrong.
 *
 * @throws ArgumentError that lists what differs.
 */
export function checkSourceIsDescribed(what: string, description: ModelRecord, source: Study): void {
  compare(what, description, source, {
    labels: (labels) => `the labels of the description in their order, ${labels}`,
    preprocessing: (value) => `${value}, as the description says`,
  });
}

function compare(
  what: string,
  record: ModelRecord,
  source: Study,
  rules: Record<'labels' | 'preprocessing', (wanted: string) => string>,
): void {
  const { labels } = record;
  check(labels.join('\n') === source.labels.join('\n'), what, rules.labels(labels.join(', ')), source.labels);
  if (source.preprocessing === undefined) return;
  const [trained, found] = [record.preprocessing, source.preprocessing].map((one) =>
    createPreprocessing(one),
  );
  for (const key of Object.keys(trained!) as (keyof CtPreprocessing)[]) {
    if (key === 'edge' && trained!.neighbors === 0) continue; // nothing is beyond the edge
    check(
      JSON.stringify(trained![key]) === JSON.stringify(found![key]),
      `${what}: ${key}`,
      rules.preprocessing(describe(trained![key])),
      found![key],
    );
  }
}
