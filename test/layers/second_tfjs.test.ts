import * as tf from '@tensorflow/tfjs';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

const installed = fileURLToPath(new URL('../../node_modules', import.meta.url));

let folder: string;
let warnings: string[];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'second-tfjs-'));
  warnings = [];
  vi.spyOn(console, 'warn').mockImplementation((line: string) => {
    if (line.startsWith('ct-multilabel')) warnings.push(line);
  });
});

afterEach(() => {
  rmSync(folder, { recursive: true });
  vi.restoreAllMocks();
  vi.resetModules();
  vi.doUnmock('@tensorflow/tfjs');
});

/** Loads the host's core anew, from another folder. */
function loadSecondCore(): typeof tf {
  const core = createRequire(path.join(installed, 'x')).resolve('@tensorflow/tfjs-core');
  cpSync(core, path.join(folder, 'core.js'));
  symlinkSync(installed, path.join(folder, 'node_modules'));
  return createRequire(path.join(folder, 'x'))('./core.js') as typeof tf;
}

const importWarning = async () => (await import('../../src/layers/second_tfjs')).warnOfSecondTfjs;

it('says nothing with one copy', async () => {
  const warnOfSecondTfjs = await importWarning();
  warnOfSecondTfjs();
  await Promise.resolve();
  expect(warnings).toEqual([]);
});

it('tells of a copy that was there before ours', async () => {
  const second = loadSecondCore();
  expect(second.tensor(1)).toBeInstanceOf(tf.Tensor);
  vi.doMock('@tensorflow/tfjs', () => second);
  await importWarning();
  expect(warnings).toEqual([expect.stringContaining('a second copy of @tensorflow/tfjs is loaded')]);
});

it('tells of a copy that the program loads after ours', async () => {
  const warnOfSecondTfjs = await importWarning();
  warnOfSecondTfjs();
  loadSecondCore();
  expect(warnings).toEqual([]);
  await Promise.resolve();
  expect(warnings).toEqual([expect.stringContaining('a second copy of @tensorflow/tfjs is loaded')]);
});

it('takes another platform, set by the program, for no copy', async () => {
  const warnOfSecondTfjs = await importWarning();
  const { platform, platformName } = tf.env();
  warnOfSecondTfjs();
  tf.env().setPlatform('another', Object.create(platform) as typeof platform);
  await Promise.resolve();
  tf.env().setPlatform(platformName, platform);
  expect(warnings).toEqual([]);
});
