import fc from 'fast-check';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../../src/base/errors';
import { historyTable, readTrainingHistory } from '../../../src/node/runs/training_history';
import type { EpochLog } from '../../../src/training/stages/stage_log';
import { temporaryFolder } from '../../support/folder';

const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => (x === 0 ? 0 : x));
const epoch = (labels: number): fc.Arbitrary<EpochLog> =>
  fc.record({
    stage: fc.stringMatching(/^[\w-]+$/),
    epoch: fc.nat(),
    loss: number,
    f2: number,
    validationLoss: fc.option(number),
    validationF2: number,
    validationThreshold: fc.option(number),
    validationF2PerLabel: fc.array(fc.option(number), { minLength: labels, maxLength: labels }),
    best: fc.boolean(),
    seconds: number,
  });
const histories = fc
  .uniqueArray(fc.stringMatching(/^[\w ,"'é-]+$/), { minLength: 1, maxLength: 3 })
  .chain((labels) => fc.tuple(fc.constant(labels), fc.array(epoch(labels.length), { maxLength: 4 })));

describe('readTrainingHistory', () => {
  it('reads every history as it was written, also of labels with commas', async () => {
    const folder = await temporaryFolder();
    await fc.assert(
      fc.asyncProperty(histories, async ([labels, history]) => {
        await writeFile(path.join(folder, 'history.csv'), historyTable(history, labels));
        expect(await readTrainingHistory(folder)).toEqual(history);
      }),
      { numRuns: 50 },
    );
  });

  it('reads tables of earlier versions, without thresholds', async () => {
    const text =
      'stage,epoch,loss,f2,validation_loss,validation_f2,validation_f2_a,best,seconds\npatients,1,0.5,0.4,,0.3,0.2,1,2\n';
    const folder = await temporaryFolder({ 'history.csv': text });
    expect(await readTrainingHistory(folder)).toEqual([
      { stage: 'patients', epoch: 1, loss: 0.5, f2: 0.4, validationLoss: null, validationF2: 0.3, validationThreshold: null, validationF2PerLabel: [0.2], best: true, seconds: 2 },
    ]); // prettier-ignore
  });

  it('is undefined without a table', async () => {
    expect(await readTrainingHistory(await temporaryFolder())).toBeUndefined();
  });

  it('names the row that is wrong', async () => {
    const header = 'stage,epoch,loss,f2,validation_loss,validation_f2,validation_f2_a,best,seconds\n';
    const good = 'patients,1,0.5,0.5,,0.5,0.5,1,2\n';
    for (const [text, row] of [
      ['', 1],
      ['epoch,loss\n1,2\n', 1],
      [`${header}${good}patients,2,0.5,0.5\n`, 3],
      [`${header}patients,2,x,0.5,,0.5,0.5,1,2\n`, 2],
      [`${header}patients,2,0.5,0.5,x,0.5,0.5,1,2\n`, 2],
      [`${header}patients,2,,0.5,,0.5,0.5,1,2\n`, 2],
    ] as const) {
      const folder = await temporaryFolder({ 'history.csv': text });
      const error = await readTrainingHistory(folder).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(DataError);
      expect((error as DataError).location.row).toBe(row);
    }
  });
});
