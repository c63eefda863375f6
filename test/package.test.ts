import * as tf from '@tensorflow/tfjs';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as data from '../src/data/index';
import * as main from '../src/index';
import * as layers from '../src/layers/index';
import * as losses from '../src/losses/index';
import * as metrics from '../src/metrics/index';
import * as transforms from '../src/transforms/index';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, unknown>;
  sideEffects: string[];
};

const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.startsWith('backends/wasm/assembly/'))
  .map((file) => ({ file, text: readFileSync(path.join(root, 'src', file), 'utf8') }));

/** Whether package.json tells bundlers to keep what this source becomes, used or not. */
const isKept = (file: string) => {
  const built = `./dist/${file.replace(/\.ts$/, '.js')}`;
  return manifest.sideEffects.some((pattern) => {
    const expression = pattern
      .split('**/')
      .map((part) => part.split('*').map(escapeRegExp).join('[^/]*'))
      .join('(?:.*/)?');
    return new RegExp(`^${expression}$`).test(built);
  });
};

const escapeRegExp = (text: string) => text.replace(/[.+^${}()|[\]\\]/g, '\\$&');

describe('package.json', () => {
  it('keeps every module that is imported for its effect only', () => {
    const targets = sources.flatMap(({ file, text }) =>
      [...text.matchAll(/^import '(\.[^']+)';/gm)].map(
        ([, target]) => `${path.posix.join(path.posix.dirname(file), target!)}.ts`,
      ),
    );
    expect(targets).toContain('kernels/asymmetric_loss/plain.ts');
    expect(targets.filter((target) => !isKept(target))).toEqual([]);
  });

  it('keeps the entries that make layers known, and leaves it to bundlers whether the others are needed', () => {
    expect(['index.ts', 'node.ts', 'layers/index.ts'].filter(isKept)).toHaveLength(3);
    const others = ['losses', 'metrics', 'transforms', 'data'].map((room) => `${room}/index.ts`);
    expect(others.filter(isKept)).toEqual([]);
    expect(isKept('backends/prepare_wasm_backend.ts')).toBe(false);
  });
});

describe('layers', () => {
  const classes = Object.values(layers);
  const known = tf.serialization.SerializationMap.getMap().classNameMap;

  it('are known to tf.loadLayersModel by their class names, each once', () => {
    for (const layer of classes) expect(known[layer.className]?.[0]).toBe(layer);
    expect(new Set(classes.map(({ className }) => className)).size).toBe(classes.length);
  });

  it('are registered nowhere but in files that the entry of the layers imports', () => {
    const registered = sources.flatMap(({ file, text }) =>
      [...text.matchAll(/registerClass\((\w+)\);/g)].map(([, name]) => [file, name!] as const),
    );
    expect(registered.map(([, name]) => name).sort()).toEqual(Object.keys(layers).sort());
    expect(registered.filter(([file]) => !isKept(file))).toEqual([]);
  });
});

describe('sub-path entries', () => {
  it('give what the main entry gives, the very same', () => {
    for (const entry of [data, layers, losses, metrics, transforms]) expect(main).toMatchObject({ ...entry });
  });

  it('are those that package.json names', () => {
    const paths = [
      '.',
      './cli',
      './data',
      './dicom',
      './layers',
      './losses',
      './metrics',
      './node',
      './package.json',
      './transforms',
    ];
    expect(Object.keys(manifest.exports).sort()).toEqual(paths);
  });
});
