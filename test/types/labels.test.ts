import * as tf from '@tensorflow/tfjs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  buildCtBrainModel,
  cachedSource,
  collectPredictions,
  CT_LABELS,
  predictPatientLevel,
  predictPatients,
  RSNA_LABELS,
  subset,
  type CtPreprocessing,
  type PatientSource,
  type PredictedSlice,
} from 'ct-multilabel';
import { openKaggleFolder, openPatientFolder, openStudy } from 'ct-multilabel/node';
import { byLabel } from '../../src/data/labels/labels';
import type { PredictedLabel } from '../../src/data/tables/predictions_table';
import { memorySource } from '../support/memory_source';

/**
 * What the compiler knows of label names: `npm run typecheck` is the test, and fails too where an error that is expected does not
 * come. The functions that are only compiled are never called.
 */
declare const preprocessing: CtPreprocessing;
declare const loaded: tf.LayersModel;

describe('label names from source to prediction', () => {
  it('come from the labels that a folder is opened with', () => {
    const compiled = async () => {
      const study = await openKaggleFolder('data', { preprocessing, labels: ['bleeding', 'fracture'] });
      expectTypeOf(study.labels).toEqualTypeOf<readonly ['bleeding', 'fracture']>();
      for await (const [slice] of predictPatients(loaded, subset(cachedSource(study), ['a']))) {
        expectTypeOf(slice!.labels.fracture).toEqualTypeOf<PredictedLabel>();
        // @ts-expect-error -- there is no such label
        void slice!.labels.fractures;
      }
      for await (const { labels } of predictPatientLevel(loaded, study)) {
        expectTypeOf(labels.bleeding.probability).toEqualTypeOf<number>();
        expectTypeOf(labels.bleeding.present).toEqualTypeOf<boolean>();
      }
      const { labels } = await collectPredictions(loaded, study);
      expectTypeOf(labels).toEqualTypeOf<readonly ['bleeding', 'fracture']>();
    };
    expect(compiled).toBeInstanceOf(Function);
  });

  it('are those of the challenge where none are given', () => {
    const compiled = async () => {
      expectTypeOf((await openStudy('data', { preprocessing })).labels).toEqualTypeOf<typeof CT_LABELS>();
      const one = await openPatientFolder('data', { preprocessing });
      expectTypeOf(one.labels).toEqualTypeOf<typeof CT_LABELS>();
      const study = await openStudy('data', { preprocessing, labels: RSNA_LABELS });
      for await (const [slice] of predictPatients(loaded, study)) {
        expectTypeOf(slice!).toEqualTypeOf<PredictedSlice<typeof RSNA_LABELS>>();
        void slice!.labels.any;
        // @ts-expect-error -- RSNA calls it epidural
        void slice!.labels.edh;
      }
    };
    expect(compiled).toBeInstanceOf(Function);
  });

  it('may be unknown: any name is then a label or undefined', () => {
    const compiled = async (study: PatientSource) => {
      for await (const [slice] of predictPatients(loaded, study)) {
        expectTypeOf(slice!.labels['ich']).toEqualTypeOf<PredictedLabel | undefined>();
      }
      const anywhere: PatientSource = await openKaggleFolder('data', { preprocessing });
      return anywhere;
    };
    expect(compiled).toBeInstanceOf(Function);
  });

  it('of a model must be those of the source', () => {
    const compiled = async () => {
      const labels = ['bleeding', 'fracture'] as const;
      const model = buildCtBrainModel({ labels });
      expectTypeOf(model.labels).toEqualTypeOf<readonly ['bleeding', 'fracture'] | undefined>();
      expectTypeOf(buildCtBrainModel().labels).toEqualTypeOf<typeof CT_LABELS | undefined>();
      predictPatients(model, await openKaggleFolder('data', { preprocessing, labels }));
      // @ts-expect-error -- the folder has the challenge's five
      predictPatients(model, await openKaggleFolder('data', { preprocessing }));
      const built = [buildCtBrainModel()];
      built.push(loaded); // a loaded model can stand where a built one does
    };
    expect(compiled).toBeInstanceOf(Function);
  });

  it('are there at run time, too', async () => {
    const labels = ['bleeding', 'fracture'] as const;
    const patients = { patients: ['a', 'b'], slices: 2, size: 32, labels: [...labels] };
    const source: PatientSource<typeof labels> = { ...memorySource(patients), labels };
    const input = tf.input({ shape: [32, 32, 1] });
    const flat = tf.layers.flatten().apply(input) as tf.SymbolicTensor;
    const backbone = tf.model({ inputs: input, outputs: flat });
    const model = buildCtBrainModel({ labels, backbone, sliceDependency: 'none', labelDecoder: 'linear' });
    expect(model.labels).toEqual(labels);
    for await (const slices of predictPatients(model, source, { threshold: [0.4, 0.6] })) {
      for (const { probabilities, decisions, labels: named } of slices) {
        expect(named.bleeding).toEqual({ probability: probabilities[0], present: decisions[0] === 1 });
        expect(named.fracture).toEqual({ probability: probabilities[1], present: decisions[1] === 1 });
      }
    }
    for await (const { probabilities, decisions, labels: named } of predictPatientLevel(model, source)) {
      expect(Object.keys(named)).toEqual(labels);
      expect(named.fracture).toEqual({ probability: probabilities[1], present: decisions[1] === 1 });
    }
  });
});

describe('byLabel', () => {
  it('names values', () => {
    expect(byLabel(CT_LABELS, [1, 2, 3, 4, 5])).toEqual({ ich: 1, ivh: 2, sah: 3, sdh: 4, edh: 5 });
    expect(Object.entries(byLabel(['__proto__', 'b'], [1, 2]))).toEqual([
      ['__proto__', 1],
      ['b', 2],
    ]);
    expect(() => byLabel(CT_LABELS, [1, 2])).toThrow(/byLabel: values: expected one for each of ich, ivh/);
    expectTypeOf(byLabel(['a', 'b'], [true, false])).toEqualTypeOf<{
      readonly a: boolean;
      readonly b: boolean;
    }>();
  });
});
