import { describe, expect, it } from 'vitest';
import { checkChecksums, crc32, modelChecksums } from '../../src/saving/checksum';

describe('crc32', () => {
  it('is that of zlib, for any length', () => {
    const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => i * 31);
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
    expect(crc32(new Uint8Array())).toBe(0);
    // python3: zlib.crc32(bytes((i * 31) % 256 for i in range(n)))
    expect(crc32(bytes(1_000_003))).toBe(1554577230);
    expect(crc32(bytes(1_000_003).subarray(1, 1_000_003))).not.toBe(1554577230);
  });
});

describe('checksums of a saved model', () => {
  const parts = {
    manifest: { formatVersion: 3, labels: ['a', 'b'], thresholds: [0.5, 0.25] },
    topology: { class_name: 'Model', config: { name: 'm', layers: [] } },
    specs: [{ name: 'kernel', shape: [2], dtype: 'float32' }],
    weights: new Float32Array([1, 2]).buffer,
  };
  const checksums = modelChecksums(parts);
  const saved = { ...parts, manifest: { ...parts.manifest, checksums } };

  it('do not depend on the order of keys, nor on themselves', () => {
    const topology = { config: { layers: [], name: 'm' }, class_name: 'Model' };
    expect(modelChecksums({ ...saved, topology })).toEqual(checksums);
    expect(() => checkChecksums({ ...saved, topology }, false)).not.toThrow();
  });

  it.each([
    ['a threshold', { ...saved, manifest: { ...saved.manifest, thresholds: [0.5, 0.35] } }, /manifest was damaged, or changed by hand/],
    ['the order of labels', { ...saved, manifest: { ...saved.manifest, labels: ['b', 'a'] } }, /manifest was damaged/],
    ['the topology', { ...saved, topology: { ...saved.topology, class_name: 'Sequential' } }, /manifest was damaged/],
    ['names of weights', { ...saved, specs: [{ ...parts.specs[0]!, name: 'bias' }] }, /manifest was damaged/],
    ['a bit of the weights', { ...saved, weights: new Float32Array([1, 2.0000002]).buffer }, /weights were damaged, or belong to another model or epoch/],
    ['a missing record', parts, /manifest was damaged/],
    ['a version that is earlier than they are', { ...saved, manifest: { ...saved.manifest, formatVersion: 2 } }, /manifest was damaged/],
  ])('show %s', (_, changed, message) => {
    expect(() => checkChecksums(changed, false)).toThrow(message);
  }); // prettier-ignore

  it('are missing in earlier versions, and the weights of one that was quantised differ', () => {
    expect(() => checkChecksums({ ...parts, manifest: { formatVersion: 2 } }, false)).not.toThrow();
    expect(() => checkChecksums({ ...saved, weights: new ArrayBuffer(4) }, true)).not.toThrow();
    const manifest = { ...saved.manifest, labels: ['b', 'a'] };
    expect(() => checkChecksums({ ...saved, manifest }, true)).toThrow(/manifest was damaged/);
  });
});
