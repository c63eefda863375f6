import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { drawWhereItLooked } from '../../src/cli/where_it_looked';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import type { PatientSource } from '../../src/data/sources/patient_source';
import { temporaryFolder } from '../support/folder';
import { memorySource, tinyBackbone } from '../support/memory_source';

const labels = ['a', 'b', 'c'];
const model = buildCtBrainModel({ variant: 'linear', backbone: tinyBackbone(), labels, seed: 1 });
const images = {
  ...memorySource({ patients: ['p1', 'p2'], slices: 2, labels }),
  load: async (patient: string) => ({
    patient,
    slices: ['1', '2'],
    images: tf.randomUniform<tf.Rank.R4>([2, 16, 16, 1], 0, 1, 'float32', patient),
  }),
};
/** Of two patients the second has these labels, on its last slice. */
const withFindings = (...found: string[]): PatientSource => ({
  ...images,
  sliceLabels: (patient) =>
    [0, 1].map((slice) =>
      labels.map((label) => (patient === 'p2' && slice === 1 && found.includes(label) ? 1 : 0)),
    ),
});

/** Pixels of the picture's parts at a zoom of 2: the title, and a slice, which is drawn twice. */
const [TITLE, TILE] = [1.5 * 18, 2 * 16];

async function drawn(source: PatientSource) {
  const file = path.join(await temporaryFolder(), 'maps.png');
  const patient = await drawWhereItLooked(file, model, source);
  const { width, height } = await sharp(file).metadata();
  const first = { left: 0, top: TITLE, width: TILE, height: 2 * TILE };
  return { patient, width, height, firstSlice: await sharp(file).extract(first).raw().toBuffer() };
}

describe("the demo's picture of where the model looked", () => {
  it('has one map for each finding of the patient with the most', async () => {
    const [one, two] = [await drawn(withFindings('b')), await drawn(withFindings('a', 'c'))];
    expect([one.patient, two.patient]).toEqual(['p2', 'p2']);
    // title, two slices side by side, each above its map, caption
    expect(two.height - one.height).toBe(TITLE + 2 * TILE + 1.5 * 18);
  });

  it('has a single map, for the first label, where no patient has a finding', async () => {
    const none = await drawn(withFindings());
    expect(none.patient).toBe('p1');
    const one = await drawn(withFindings('a'));
    expect([none.width, none.height]).toEqual([one.width, one.height]);
    // the same map as where that label is found
    const { firstSlice } = await drawn({ ...withFindings(), patients: ['p2'] });
    expect(firstSlice.equals(one.firstSlice)).toBe(true);
    expect(firstSlice.equals((await drawn(withFindings('b'))).firstSlice)).toBe(false);
  });
});
