import * as tf from '@tensorflow/tfjs';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const classes = () => tf.serialization.SerializationMap.getMap().classNameMap;
const isLayer = (value: unknown) => typeof value === 'function' && value.prototype instanceof tf.layers.Layer;

const hosts = Object.keys(classes());
const exported = Object.entries(await import('../../src/index')).filter(([, value]) => isLayer(value));
const registered = Object.entries(classes())
  .filter(([name, [layer]]) => !hosts.includes(name) && isLayer(layer))
  .map(([name]) => name);

it('is registered under its name where it is exported, and exported where it is registered', () => {
  expect(registered.length).toBeGreaterThan(10);
  expect(exported.map(([name]) => name).sort()).toEqual([...registered].sort());
});

it('has a test of the layer contract', () => {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const tests = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.test.ts'),
  );
  const tested = tests.flatMap((file) => {
    const source = readFileSync(`${folder}${file}`, 'utf8');
    const runs = /^ +itKeepsTheLayerContract\(/m.test(source);
    return runs ? [...source.matchAll(/^[^/\n]*\blayerClass: (\w+)/gm)].map(([, name]) => name!) : [];
  });
  expect([...new Set(tested)].sort()).toEqual([...registered].sort());
});
