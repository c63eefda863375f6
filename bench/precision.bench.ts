/**
 * Effect of preparing slices in float16 or 8 bits instead of float32: logits, decisions and F2 of a trained model.
 *
 *   npx tsx bench/precision.bench.ts     # trains the demo on phantoms for that
 *   CT_MULTILABEL_RUN=RUN CT_MULTILABEL_DATA=DIR npx tsx bench/precision.bench.ts 'real CT'
 *
 * `RUN` is the folder of a training on `ct-ich/` in `DIR`; its held-out patients are predicted.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cachedSource, predictPatients, subset, type PatientSource } from 'ct-multilabel';
import { loadCheckpoint, openStudy, useBackend } from 'ct-multilabel/node';
import { runCommand } from '../src/cli/run_command';
import { report, skip } from './compare';

const name = process.argv[2] ?? 'phantoms';
const { CT_MULTILABEL_RUN: trained, CT_MULTILABEL_DATA: data } = process.env;
if (name !== 'phantoms' && !(trained && data)) {
  skip(name, 'CT_MULTILABEL_RUN or CT_MULTILABEL_DATA is not set');
  process.exit(0);
}
const work = await mkdtemp(path.join(tmpdir(), 'precision-'));
try {
  if (name === 'phantoms') {
    await runCommand(['demo', '--out', work, '--patients', '48', '--pretrain-epochs', '8', '--epochs', '1']);
  }
  await useBackend('wasm');
  if (name === 'phantoms') await measure(path.join(work, 'run'), path.join(work, 'study'));
  else await measure(trained!, path.join(data!, 'ct-ich'));
} finally {
  await rm(work, { recursive: true, force: true });
}

interface Scored {
  logits: number[];
  decisions: number[];
  f2: number;
}

async function measure(run: string, folder: string): Promise<void> {
  const { model, manifest } = await loadCheckpoint(path.join(run, 'best'));
  const { preprocessing, labels, thresholds, calibration } = manifest;
  const { split } = JSON.parse(await readFile(path.join(run, 'config.json'), 'utf8')) as {
    split?: { validation: string[]; test?: string[] };
  };
  const study = await openStudy(folder, { preprocessing, labels });
  // with several studies a name begins with the study's
  const unseen = split
    ? [...split.validation, ...(split.test ?? [])].map((one) => one.split('/').at(-1)!)
    : study.patients;
  const source = subset(
    study,
    unseen.filter((patient) => study.patients.includes(patient)),
  );
  const score = async (precision: 'float32' | 'float16' | 'uint8'): Promise<Scored> => {
    // nothing is kept, but values are rounded as if they were
    const rounded: PatientSource = cachedSource(source, { maxBytes: 0, precision });
    const scored: Scored = { logits: [], decisions: [], f2: 0 };
    let [both, missed, wrong] = [0, 0, 0];
    for await (const slices of predictPatients(model, rounded, { threshold: thresholds, calibration })) {
      const truth = study.sliceLabels(slices[0]!.patient)!;
      slices.forEach(({ probabilities, decisions }, s) => {
        scored.logits.push(...probabilities.map((p) => Math.log(p / (1 - p))));
        scored.decisions.push(...decisions);
        decisions.forEach((decision, l) => {
          both += decision * truth[s]![l]!;
          missed += (1 - decision) * truth[s]![l]!;
          wrong += decision * (1 - truth[s]![l]!);
        });
      });
    }
    return { ...scored, f2: (5 * both) / (5 * both + 4 * missed + wrong) };
  };

  const plain = await score('float32');
  const of = `${name}, ${source.patients.length} patients unseen`;
  report({ what: `float32, 4 bytes per value: ${of}`, value: `F2 ${plain.f2.toFixed(4)}` });
  for (const [precision, bytes] of [
    ['float16', 2],
    ['uint8', 1],
  ] as const) {
    // prettier-ignore
    const rounded = await score(precision);
    const apart = rounded.logits.map((logit, i) => Math.abs(logit - plain.logits[i]!));
    const mean = apart.reduce((sum, one) => sum + one, 0) / apart.length;
    const changed = rounded.decisions.filter((decision, i) => decision !== plain.decisions[i]).length;
    report({
      what: `${precision}, ${bytes} byte${bytes > 1 ? 's' : ''} per value: ${of}`,
      value:
        `logits apart by ${mean.toPrecision(2)} on average, ${Math.max(...apart).toPrecision(2)} at most; ` +
        `${changed} of ${apart.length} decisions changed, F2 ${rounded.f2.toFixed(4)}`,
    });
  }
  await study.close();
}
