import type * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import { describe } from '../base/describe';
import { createPreprocessing, type CtPreprocessing } from '../transforms/preprocessing';
import type { Labels } from '../base/types';

/** Images and outputs of a model. */
export interface ModelRecord {
  /** Label names, in the order of the outputs. */
  labels: Labels;
  /** Preprocessing of the slices that a loaded model was trained on; missing for a model that was built. */
  preprocessing?: CtPreprocessing;
}

/** The same key in every copy of this module, such as ESM and CommonJS. */
const RECORD = Symbol.for('ct-multilabel.modelRecord');

/** Records what a model was built or trained for, for {@link checkSourceFits}. */
export function rememberRecord(model: tf.LayersModel, { labels, preprocessing }: ModelRecord): void {
  Object.defineProperty(model, RECORD, { value: { labels, preprocessing }, configurable: true });
}

/** Anything that has labels and possibly a preprocessing. */
type Study = { labels: Labels; preprocessing?: object };

/**
 * Refuses a source whose labels differ from those that a model was built with, or whose labels or preprocessing differ
 * from those of a loaded model: all would give plausible but wrong numbers. A model that was built without naming
 * labels, and a source without a preprocessing record, are accepted.
 *
 * @param what - Name of the source for error messages.
 * @throws ArgumentError that lists the differences.
 */
export function checkSourceFits(what: string, model: tf.LayersModel, source: Study): void {
  const record = (model as { [RECORD]?: ModelRecord })[RECORD];
  if (record === undefined) return;
  compare(what, record, source, {
    labels: (labels) =>
      record.preprocessing === undefined
        ? `the labels that the model was built with in their order, ${labels}`
        : `the labels of the checkpoint in their order, ${labels} (open the study with labels: manifest.labels)`,
    preprocessing: (value) =>
      `${value}, as the checkpoint was trained (open the study with preprocessing: manifest.preprocessing)`,
  });
}

/**
 * Refuses a source that does not match the description that training will save with the model: its outputs would be
 * misread after loading.
 *
 * @throws ArgumentError that lists the differences.
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
  if (record.preprocessing === undefined || source.preprocessing === undefined) return;
  const [trained, found] = [record.preprocessing, source.preprocessing].map((one) =>
    createPreprocessing(one),
  );
  for (const key of Object.keys(trained!) as (keyof CtPreprocessing)[]) {
    if (key === 'edge' && trained!.neighbors === 0) continue; // without neighbours the edge does not matter
    check(
      JSON.stringify(trained![key]) === JSON.stringify(found![key]),
      `${what}: ${key}`,
      rules.preprocessing(describe(trained![key])),
      found![key],
    );
  }
}
