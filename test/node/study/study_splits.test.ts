import { describe, expect, it } from 'vitest';
import { labelRuns } from '../../../src/data/checks/label_runs';
import { labelStatistics } from '../../../src/data/checks/label_statistics';
import { checkNoLeak } from '../../../src/data/checks/leak_check';
import { kFoldByPatient, nestedKFoldByPatient } from '../../../src/data/splits/patient_folds';
import { patientLabels } from '../../../src/data/sources/patient_source';
import { splitMeasures } from '../../../src/data/splits/split_measures';
import { openKaggleFolder } from '../../../src/node/study/kaggle_folder';
import { createPreprocessing } from '../../../src/transforms/preprocessing';
import { realData } from '../../support/data';

const dir = realData('ct-ich');

async function openStudy() {
  const study = await openKaggleFolder(dir!, { preprocessing: createPreprocessing() });
  const stratifyBy = (patient: string) => patientLabels(study, patient);
  const foldsOf = (seed: number, stratified: boolean) =>
    kFoldByPatient(study.patients, { seed, ...(stratified && { stratifyBy }) });
  const measure = (folds: { validation: string[] }[]) =>
    splitMeasures(
      folds.map(({ validation }) => validation),
      stratifyBy,
    );
  return { study, stratifyBy, foldsOf, measure };
}

describe.skipIf(dir === undefined)('splits of the ct-ich study (CT_MULTILABEL_DATA)', () => {
  it('have every label in as many folds as it has patients for', async () => {
    const { study, stratifyBy, foldsOf, measure } = await openStudy();
    const counts = labelStatistics(study).labels.map(({ patients }) => patients.positive);
    // two labels have fewer patients than there are folds
    const unavoidable = counts.reduce((sum, count) => sum + Math.max(0, 5 - count), 0);
    for (let seed = 0; seed < 20; seed++) {
      const folds = foldsOf(seed, true);
      checkNoLeak(folds);
      for (const { validation } of folds) {
        counts.forEach((count, label) => {
          if (count < 5) return;
          expect(validation.some((patient) => stratifyBy(patient)[label] === 1)).toBe(true);
        });
      }
      expect(measure(folds).foldLabelPairsWithoutPositives).toBe(unavoidable);
    }
  });

  it('are more even than plain draws', async () => {
    const { foldsOf, measure } = await openStudy();
    const meanOf = (stratified: boolean) => {
      const seeds = Array.from({ length: 20 }, (_, seed) => seed);
      const each = seeds.map((seed) => measure(foldsOf(seed, stratified)).labelDistribution);
      return each.reduce((a, b) => a + b) / each.length;
    };
    expect(meanOf(true)).toBeLessThan(0.6 * meanOf(false));
  });

  it('test every patient once when nested, and leak nowhere', async () => {
    const { study, stratifyBy } = await openStudy();
    const outer = nestedKFoldByPatient(study.patients, { seed: 1, stratifyBy });
    checkNoLeak(outer);
    expect(outer.flatMap(({ test }) => test).sort()).toEqual([...study.patients].sort());
  });

  it('come from labels that two ways of counting agree on', async () => {
    const { study } = await openStudy();
    const statistics = labelStatistics(study);
    expect(statistics.patients).toBe(62);
    expect(statistics.slices).toBe(1873);
    expect(labelRuns(study).counts.map(({ patients }) => patients)).toEqual(
      statistics.labels.map(({ patients }) => patients.positive),
    );
  });
});
