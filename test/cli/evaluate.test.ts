import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CT_LABELS } from '../../src/data/labels/labels';
import { bootstrapInterval } from '../../src/evaluation/bootstrap';
import { fitCalibration } from '../../src/evaluation/calibration';
import { evaluateProbabilities } from '../../src/evaluation/evaluate_probabilities';
import { patientLevel } from '../../src/evaluation/patient_level';
import { chooseThresholds } from '../../src/evaluation/thresholds';
import { logitsOf } from '../../src/metrics/calibration';
import {
  countDecisionsByPatient,
  decisionRates,
  poolCounts,
  type DecisionCounts,
} from '../../src/metrics/decision_counts';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { loadCheckpoint, saveCheckpoint } from '../../src/node/runs/checkpoint';
import { openKaggleFolder } from '../../src/node/study/kaggle_folder';
import { writePhantomStudy } from '../../src/node/study/phantom_study';
import { historyTable } from '../../src/node/runs/training_history';
import { collectPredictions } from '../../src/prediction/collect_predictions';
import { createPreprocessing } from '../../src/transforms/preprocessing';
import { command } from '../support/command';
import { tinyBackbone } from '../support/memory_source';

const preprocessing = createPreprocessing({ imageSize: [16, 16] });
const built = { backbone: tinyBackbone(), labels: CT_LABELS, seed: 2 } as const;
const thresholds = [0.5, 0.45, 0.5, 0.55, 0.5];
const description = { labels: [...CT_LABELS], preprocessing, thresholds, model: { seed: 2 } };
const epoch = {
  f2: 0.3,
  validationF2: 0.2,
  validationThreshold: 0.4,
  validationF2PerLabel: [0, 0, 0, 0, 0],
  best: true,
  seconds: 1,
};

describe('evaluate', { timeout: 120_000 }, () => {
  let folder: string;
  const at = (name: string) => path.join(folder, name);

  /** Runs the example as a user would, and reads the report. */
  async function evaluate(out: string, ...args: string[]) {
    const { stdout, stderr } = await command(
      'evaluate',
      ...['--data', at('data'), '--out', at(out), '--backend', 'cpu', ...args],
    );
    return { stdout, stderr, page: await readFile(at(out), 'utf8').catch(() => '') };
  }

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'ct-multilabel-'));
    await writePhantomStudy(at('data'), {
      patients: 6,
      slices: 8,
      size: 32,
      seed: 3,
      prevalence: { ich: 0.9, ivh: 0.5, sah: 0.5, sdh: 0.5, edh: 0 },
    });
    const model = buildCtBrainModel({ variant: 'VGG16 + SDL(GRU)', ...built });
    await saveCheckpoint(at('run/best'), model, description);
    const history = [{ ...epoch, stage: 'patients', epoch: 1, loss: 0.5, validationLoss: 0.6 }];
    await writeFile(at('run/history.csv'), historyTable(history, CT_LABELS));
    const split = { train: ['ID_001', 'ID_002'], validation: ['ID_003', 'ID_004'] };
    await writeFile(at('run/config.json'), JSON.stringify({ split }));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** The cells of a label's first row after a heading and, where given, one below it; an interval follows its score. */
  function cells(page: string, heading: string, label: string, below?: string): string[] {
    const section = page.slice(page.indexOf(`<h2>${heading}</h2>`));
    const part = below === undefined ? section : section.slice(section.indexOf(`<h3>${below}</h3>`));
    const row = part.slice(part.indexOf(`<th scope="row">${label}</th>`)).split('</tr>')[0]!;
    return [...row.matchAll(/<td[^>]*>(.*?)<\/td>/gs)].map(([, cell]) =>
      cell!.replace(/<small>(.*)<\/small>/, ' $1').trim(),
    );
  }

  it("shows the library's figures, in one page that needs nothing else", async () => {
    const args = ['--checkpoint', at('run'), '--worst', '2'];
    const { page, stdout, stderr } = await evaluate('report.html', ...args);
    expect(stderr).not.toMatch(/Error/);
    const { model } = await loadCheckpoint(at('run'));
    const study = await openKaggleFolder(at('data'), { preprocessing });
    const slices = await collectPredictions(model, study);
    const digits = (value: number | undefined) => value?.toFixed(3) ?? '–';
    for (const [name, samples] of [['slices', slices], ['patients as wholes', patientLevel(slices)]] as const) {
      const { yTrue, probabilities } = samples;
      const share = CT_LABELS.map((_, l) => yTrue.filter((row) => row[l] === 1).length / yTrue.length);
      const report = evaluateProbabilities({ labels: CT_LABELS, yTrue, probabilities, threshold: thresholds, prevalence: share });
      for (const row of report.labels) {
        const having = new Set(samples.patients.filter((_, i) => yTrue[i]![CT_LABELS.indexOf(row.label as 'ich')] === 1)).size;
        const { precision, recall, specificity, averagePrecision, rocAuc, brierScore, calibrationError, ppv, npv } = row;
        const decided = cells(page, `Scores of each label: ${name}`, row.label, 'Decisions at the thresholds');
        expect(decided.slice(0, 2)).toEqual([name === 'slices' ? `${row.positives} (${having})` : String(row.positives), String(row.negatives)]);
        const scores = decided.slice(2).map((cell) => cell.split(' ')[0]);
        const f2 = row.positives > 0 ? row.fBeta : undefined;
        expect(scores.slice(0, 4)).toEqual([recall, specificity, precision, f2].map(digits));
        const rest = cells(page, `Scores of each label: ${name}`, row.label, 'Probabilities, independent of the threshold');
        const first = rest.map((cell) => cell.split(' ')[0]);
        expect(first.slice(0, 4)).toEqual([rocAuc, averagePrecision, brierScore, calibrationError].map(digits));
        expect(first.slice(5)).toEqual([ppv, npv].map(digits));
        for (const cell of [decided[2]!, decided[5]!, rest[0]!]) {
          if (cell !== '–') expect(cell).toMatch(/^\d\.\d{3} \[\d\.\d{3}, \d\.\d{3}\][†‡]*$/);
        }
        const { tp, fp, fn, tn } = row.counts;
        const curves = page.slice(page.indexOf(`<h2>Curves of each label: ${name}</h2>`));
        const own = curves.slice(curves.indexOf(`<h3>${row.label}</h3>`));
        expect(own).toMatch(new RegExp(`^[^]*?present</th><td>${tp}</td><td>${fn}</td>[^]*?absent</th><td>${fp}</td><td>${tn}</td>`));
      }
    } // prettier-ignore
    // the phantoms have none of the last label
    expect(cells(page, 'Scores of each label: slices', 'edh')).toContain('–');
    expect(page).toMatch(/None of these slices has edh/);
    // in either table, and with curves of its own
    expect(page.match(/any hemorrhage<\/th>/g)!.length).toBe(4);
    expect(page.match(/<h3>any hemorrhage<\/h3>/g)).toHaveLength(2);
    const counts = countDecisionsByPatient(slices, { threshold: thresholds }).map(poolCounts);
    const f2 = (sample: readonly DecisionCounts[]) => decisionRates(poolCounts(sample)).fBeta;
    const { estimate, low, high } = bootstrapInterval(counts, f2, { seed: 1 });
    const interval = `${digits(estimate)} [${digits(low)}, ${digits(high)}]`;
    expect(cells(page, 'F2 over all labels', 'slices')[1]!.replace(/[†‡]/, '')).toBe(interval);
    expect(stdout).toContain(interval);

    const withoutImages = page.replace(/src="data:image\/png;base64,[\w+/=]+"/g, '');
    expect(withoutImages.match(/https?:|\/\/|src=|<script|<link|@import|url\(| on\w+=/gi)).toBeNull();
    expect(page.match(/<img /g)).toHaveLength(4);
    expect(page).toMatch(/<dt>Patients<\/dt>\s*<dd>train 2, validation 2, test not recorded<\/dd>/);
    for (const text of ['>patients</text>', 'Labels that stop and start again', 'Model card', 'not a medical device']) {
      expect(page.toLowerCase()).toContain(text.toLowerCase());
    } // prettier-ignore
    expect(page).toMatch(/trained on 2 of the 6 patients[^]*best epoch was chosen by 2 of the 6 patients/);
    const again = await evaluate('again.html', ...args);
    expect(again.page).toBe(page);
    expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('fits calibration and thresholds, and says wherever the figures are optimistic because of it', async () => {
    const fit = ['--checkpoint', at('run'), '--patients', 'validation', '--calibrate', '--choose-thresholds', '--worst', '0']; // prettier-ignore
    const fitted = await evaluate('fit.html', ...fit, '--save', at('decided'));
    expect(fitted.stderr).not.toMatch(/Error/);
    const { model, manifest } = await loadCheckpoint(at('decided'));
    const study = await openKaggleFolder(at('data'), { preprocessing });
    const validation = { ...study, labels: study.labels, patients: ['ID_003', 'ID_004'] };
    const source = Object.assign(Object.create(study) as typeof study, validation);
    const { yTrue, probabilities } = await collectPredictions(model, source);
    const { calibration } = fitCalibration({ labels: CT_LABELS, yTrue, logits: logitsOf(probabilities) });
    expect(manifest.calibration).toEqual(calibration);
    const calibrated = await collectPredictions(model, source, { calibration });
    const chosen = chooseThresholds({ labels: CT_LABELS, yTrue, probabilities: calibrated.probabilities });
    expect(manifest.thresholds).toEqual(chosen.thresholds);
    expect(manifest.model).toEqual({ seed: 2 });

    const tooGood =
      /fitted on 2 of the \d patients evaluated here, judging by their names: the figures are optimistic/;
    for (const text of [fitted.page, fitted.stdout]) expect(text).toMatch(tooGood);
    expect(fitted.page).toContain('None requested.');
    const later = await evaluate('later.html', '--checkpoint', at('decided'), '--worst', '0');
    expect(later.page).toMatch(tooGood);
    expect(later.page).toMatch(/unknown which patients the model was trained on/);
    expect(later.page).toMatch(/No history/);
    const unseen = [
      '--checkpoint',
      at('decided'),
      '--run',
      at('run'),
      '--patients',
      'unseen',
      '--worst',
      '0',
    ];
    const honest = await evaluate('honest.html', ...unseen, '--prevalence', '0.06');
    expect(honest.page).not.toMatch(/class="warning"/);
    expect(cells(honest.page, 'Scores of each label: patients as wholes', 'ivh', 'Probabilities, independent of the threshold')[4]).toBe('6.0%'); // prettier-ignore

    const refused = await evaluate('none.html', ...fit);
    expect(refused.stderr).toMatch(/ArgumentError: .*need --save/);
    const used = await evaluate('none.html', ...fit, '--save', at('data'));
    expect(used.stderr).toMatch(/ArgumentError: --save: expected another folder, .*, which is --data/);
    expect(used.page).toBe('');
  });

  it('of a model of patients, shows patients alone', async () => {
    const model = buildCtBrainModel({ variant: 'VGG16', ...built, output: 'patient' });
    await saveCheckpoint(at('whole'), model, description);
    await cp(at('run/config.json'), at('whole/config.json'));
    const { page, stderr } = await evaluate('whole.html', '--checkpoint', at('whole'), '--worst', '1');
    expect(stderr).not.toMatch(/Error/);
    expect(page).not.toContain('Scores of each label: slices');
    expect(page).toContain('Most wrong: patients');
    expect(page).toMatch(/no labels and decisions per slice/);
    const study = await openKaggleFolder(at('data'), { preprocessing });
    const { rows } = await collectPredictions(model, study);
    const [yTrue, probabilities] = [rows.map((row) => row.yTrue), rows.map((row) => row.probabilities)];
    const { pooled } = evaluateProbabilities({
      labels: CT_LABELS,
      yTrue,
      probabilities,
      threshold: thresholds,
    });
    expect(cells(page, 'F2 over all labels', 'patients as wholes')[1]).toContain(pooled.fBeta!.toFixed(3));
  });
});
