import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { ArgumentError, CheckpointError } from '../../src/base/errors';
import type { Calibration } from '../../src/metrics/calibration';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import {
  createCheckpointManifest,
  parseCheckpointManifest,
  weightDifferences,
  type CheckpointManifest,
  type WeightSpec,
} from '../../src/saving/checkpoint_format';
import { createPreprocessing } from '../../src/transforms/preprocessing';
import { VERSION } from '../../src/version';
import { tinyBackbone } from '../support/memory_source';

const preprocessing = createPreprocessing({ imageSize: [16, 16] });
const manifest = () => createCheckpointManifest({ labels: ['a', 'b'], preprocessing });

describe('createCheckpointManifest', () => {
  it('fills in versions, thresholds and an empty description', () => {
    expect(manifest()).toEqual({
      format: 'ct-multilabel-checkpoint',
      formatVersion: 3,
      versions: {
        ...{ 'ct-multilabel': VERSION, tfjs: tf.version.tfjs },
        ...{ node: process.versions.node, backend: tf.getBackend() },
      },
      labels: ['a', 'b'],
      preprocessing,
      thresholds: [0.5, 0.5],
      model: {},
    });
  });

  it('keeps what is given, in copies', () => {
    const labels = ['a', 'b'];
    const thresholds = [0.2, 0.7];
    const training = { stage: 'patients', epoch: 3, validationF2: 0.8 };
    const made = createCheckpointManifest({
      labels,
      thresholds,
      preprocessing,
      model: { variant: 'VGG16' },
      training,
    });
    labels.push('c');
    thresholds[0] = 1;
    expect(made).toMatchObject({
      labels: ['a', 'b'],
      thresholds: [0.2, 0.7],
      model: { variant: 'VGG16' },
      training,
    });
  });

  it('refuses thresholds that do not fit the labels', () => {
    for (const thresholds of [[0.5], [0.5, 1.5], [0.5, NaN]]) {
      expect(() => createCheckpointManifest({ labels: ['a', 'b'], preprocessing, thresholds })).toThrow(
        CheckpointError,
      );
    }
  });
});

describe('parseCheckpointManifest', () => {
  it('takes what was written, through JSON', () => {
    const training = { stage: 'patients', epoch: 3, validationF2: 0.8 };
    const calibration: Calibration = { method: 'platt', scale: [0.7, 2], offset: [-1, 0.1] };
    const made = createCheckpointManifest({ labels: ['a', 'b'], preprocessing, calibration, training });
    expect(made.calibration).toEqual(calibration);
    expect(made.calibration).not.toBe(calibration);
    expect(parseCheckpointManifest(JSON.parse(JSON.stringify(made)))).toEqual(made);
  });

  it.each<[string, Record<string, unknown> | null, RegExp]>([
    [
      'another format',
      { format: 'tfjs-layers' },
      /format: expected 'ct-multilabel-checkpoint', received "tfjs-layers"/,
    ],
    [
      'a later version',
      { formatVersion: 4, versions: { 'ct-multilabel': '9.1.0' } },
      /formatVersion: expected 1, 2 or 3 \(ct-multilabel .* reads these; version "9\.1\.0" wrote it: update to that or later\), received 4/,
    ],
    [
      'a later version that does not say what wrote it',
      { formatVersion: 4, versions: undefined },
      /version unknown wrote it/,
    ],
    ['no version', { formatVersion: undefined }, /formatVersion: expected 1, 2 or 3, received undefined/],
    [
      'a version that is no number',
      { formatVersion: '3' },
      /formatVersion: expected 1, 2 or 3, received "3"/,
    ],
    ['frozen weights that are no list', { frozen: 'conv/kernel' }, /frozen: expected a list of names/],
    ['frozen weights without names', { frozen: [1] }, /frozen: expected a list of names, received \[1\]/],
    ['training that is none', { compiled: null }, /compiled: expected an object, received null/],
    [
      'training without optimizer',
      { compiled: {} },
      /compiled\.optimizer: expected an object, received undefined/,
    ],
    ['no versions', { versions: undefined }, /versions: expected an object/],
    ['labels that are no list', { labels: 'a,b' }, /labels: expected a list of names/],
    ['no labels', { labels: [] }, /labels: expected a list of names/],
    ['a label that is no name', { labels: ['a', 2] }, /labels: expected a list of names, received \["a",2\]/],
    ['no model', { model: null }, /model: expected an object, received null/],
    ['one threshold for all', { thresholds: 0.5 }, /thresholds: expected a list of numbers, received 0.5/],
    [
      'a threshold too many',
      { thresholds: [0.5, 0.5, 0.5] },
      /thresholds: expected one number for each of 2 labels/,
    ],
    ['a threshold out of range', { thresholds: [0.5, 1.01] }, /thresholds: expected numbers in \[0, 1\]/],
    [
      'a threshold that is no number',
      { thresholds: [0.5, '0.5'] },
      /thresholds: expected numbers in \[0, 1\]/,
    ],
    ['training that is no record', { training: [3] }, /training: expected an object, received \[3\]/],
    [
      'no preprocessing',
      { preprocessing: undefined },
      /preprocessing: expected an object, received undefined/,
    ],
    ['empty preprocessing', { preprocessing: null }, /preprocessing: expected an object, received null/],
    [
      'another image size',
      { preprocessing: { ...preprocessing, imageSize: [16] } },
      /imageSize: expected \[height, width\]/,
    ],
    [
      'unknown preprocessing',
      { preprocessing: { ...preprocessing, blur: 3 } },
      /unknown option 'blur'; known: version, clahe/,
    ],
    ['a calibration that is none', { calibration: null }, /calibration: expected an object, received null/],
    [
      'an unknown calibration',
      { calibration: { method: 'isotonic', scale: [1, 1], offset: [0, 0] } },
      /calibration.method: expected 'temperature' or 'platt', received "isotonic"/,
    ],
    [
      'a calibration of other labels',
      { calibration: { method: 'platt', scale: [1], offset: [0] } },
      /calibration.scale: expected numbers above 0, one for each of 2 labels/,
    ],
    ['nothing', null, /manifest: expected an object, received null/],
  ])('refuses %s', (_, change, message) => {
    const value = change && { ...manifest(), ...change };
    expect(() => parseCheckpointManifest(value)).toThrow(CheckpointError);
    expect(() => parseCheckpointManifest(value)).toThrow(message);
    expect(() => parseCheckpointManifest(value)).toThrow(/^checkpoint: /);
  });

  it('takes one of version 1 or 2 as one of version 3', () => {
    const { formatVersion: _, ...rest } = manifest();
    const older = { ...rest, formatVersion: 1, preprocessing: { version: 1, imageSize: [16, 16] } };
    expect(parseCheckpointManifest(older)).toEqual(manifest());
    expect(parseCheckpointManifest({ ...rest, formatVersion: 2 })).toEqual(manifest());
  });

  it('keeps the cause of a field that another part refused', () => {
    const value: CheckpointManifest = { ...manifest(), thresholds: [2, 2] };
    try {
      parseCheckpointManifest(value);
      expect.unreachable();
    } catch (error) {
      expect((error as Error).cause).toBeInstanceOf(ArgumentError);
    }
  });
});

describe('weightDifferences', () => {
  const model = buildCtBrainModel({ variant: 'VGG16', backbone: tinyBackbone(), labels: ['a', 'b'] });
  const specs: WeightSpec[] = [
    { name: 'conv/kernel', shape: [3, 3, 1, 4], dtype: 'float32' },
    { name: 'conv/bias', shape: [4], dtype: 'float32' },
    { name: 'classifier/kernel', shape: [16, 2], dtype: 'float32' },
    { name: 'classifier/bias', shape: [2], dtype: 'float32' },
  ];

  it('finds none for the weights of the model, in any order', () => {
    expect(weightDifferences(model, specs)).toEqual([]);
    expect(weightDifferences(model, [...specs].reverse())).toEqual([]);
  });

  it('says which are missing, unexpected or of another shape', () => {
    const [kernel, bias, ...classifier] = specs;
    expect(weightDifferences(model, [kernel!, ...classifier])).toEqual(['missing: conv/bias [4]']);
    expect(
      weightDifferences(model, [
        { ...kernel!, shape: [3, 3, 3, 4] },
        { ...bias!, name: 'conv/bias_1' },
        ...classifier,
      ]),
    ).toEqual([
      'conv/kernel: the model has [3,3,1,4], the file [3,3,3,4]',
      'missing: conv/bias [4]',
      'unexpected: conv/bias_1',
    ]);
    expect(weightDifferences(model, [])).toHaveLength(4);
  });
});
