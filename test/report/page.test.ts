import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeHtml, Html, html, visible } from '../../src/report/html';
import { measure } from '../../src/report/measures';
import { evaluationPage } from '../../src/report/page';
import { labelRuns } from '../../src/data/checks/label_runs';
import { createCheckpointManifest } from '../../src/saving/checkpoint_format';
import { createPreprocessing } from '../../src/transforms/preprocessing';

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)", '</style><b>', '</svg><i>',
    '</title>', '<!--', ']]>', '&lt;b&gt;', '{"signal":"1"}', 'datum["x"]', '\u202egnp', '\0\x1b[2J', '\ud800', 'a\r\nb', 'x'.repeat(300),
  ),
); // prettier-ignore

/** The tags of a page with the names of their attributes, without any value or text. */
const skeleton = (page: string) =>
  [...page.matchAll(/<[a-zA-Z/!][^>]*>/g)].map(([tag]) => tag.replace(/"[^"]*"/g, '""').replace(/\s+/g, ' '));

/** A report in which every text is a name of someone else's. */
function pageOf(name: string): Promise<string> {
  const labels = [`a${name}`, `b${name}`];
  const patients = [`p${name}`, `q${name}`];
  const slices = [`1${name}`, `2${name}`, `3${name}`];
  const yTrue = [[1, 0], [0, 0], [1, 0], [0, 1], [1, -1], [0, 0]]; // prettier-ignore
  const probabilities = [[0.9, 0.2], [0.4, 0.1], [0.3, 0.6], [0.2, 0.7], [0.8, 0.5], [0.6, 0.1]]; // prettier-ignore
  const thresholds = [0.5, 0.5];
  const people = patients.flatMap((patient) => slices.map(() => patient));
  const samples = { level: 'slices', yTrue, probabilities, people } as const;
  const runs = labelRuns({
    labels,
    patients,
    sliceNames: () => slices,
    sliceLabels: (patient) => (patient === patients[0] ? yTrue.slice(0, 3) : yTrue.slice(3)),
  });
  const preprocessing = createPreprocessing();
  const training = { stage: name, epoch: 3, validationF2: 0.5 };
  const model = { [`k${name}`]: name, list: [name] };
  const manifest = createCheckpointManifest({ labels, preprocessing, thresholds, model, training });
  const epoch = { epoch: 1, loss: 1, f2: 0.2, validationLoss: null, validationF2: 0.3, validationThreshold: 0.4, validationF2PerLabel: [0, 1], best: true, seconds: 1 }; // prettier-ignore
  const [patient, slice] = [patients[0]!, slices[0]!];
  const wrong = { patient, slice, loss: 1, label: 0, yTrue: [1, -1], probabilities: [0.1, 0.5], plain: Uint8Array.of(1, 2), overlaid: Uint8Array.of(3, 4) }; // prettier-ignore
  return evaluationPage({
    checkpoint: name,
    manifest,
    level: 'slices',
    study: { folder: name, kind: name, chosen: name, patients: 2, people: 2, slices: 6 },
    warnings: [name],
    measured: [measure(samples, { labels, thresholds, seed: 1, resamples: 20 })],
    resamples: 20,
    seed: 1,
    date: name,
    epochs: [{ ...epoch, stage: `s${name}` }],
    config: {
      ...{ data: [name, name], weights: name, seed: name, patience: name, augment: { [`k${name}`]: name } },
      ...{
        origin: { commit: name, weightsSha256: name },
        split: { train: [name], validation: [], test: name },
      },
      pretrain: { learningRate: { [`k${name}`]: name }, decay: name, epochs: name, [`k${name}`]: [name] },
      ...{ warmUp: name, patients: false },
    },
    worst: { level: 'slices', cases: [{ ...wrong, withoutMap: name }, wrong] },
    runs: { truth: runs, predicted: runs },
  });
}

describe('html', () => {
  it('escapes every text so that it reads as it was', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const escaped = escapeHtml(text);
        expect(escaped).not.toMatch(/[<>"'`]/);
        const read = escaped.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
        expect(read).toBe(visible(text));
        expect(html`<p title="${text}">${[text, new Html('<br>')]}</p>`.text).toBe(
          `<p title="${escaped}">${escaped}<br></p>`,
        );
      }),
    );
    expect(visible('a\u202eb\0\ud800\tc')).toBe('a\ufffdb\ufffd\ufffd\tc');
  });
});

describe('evaluationPage', () => {
  it('has the same tags whatever patients, slices, labels and folders are called', async () => {
    const plain = await pageOf('plain');
    const expected = skeleton(plain);
    expect(expected.length).toBeGreaterThan(300);
    await fc.assert(
      fc.asyncProperty(hostile, async (name) => {
        const page = await pageOf(name);
        expect(skeleton(page)).toEqual(expected);
        expect(page).toContain(escapeHtml(`p${name}`));
        expect(page).not.toMatch(/[\p{Cs}\0\u202e]/u);
      }),
      { numRuns: 25 },
    );
  });

  it('gives equal text for equal input', async () => {
    expect(await pageOf('x')).toBe(await pageOf('x'));
  });
});
