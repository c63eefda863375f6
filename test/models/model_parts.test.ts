import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  activationBytesPerSlice,
  chunksOf,
  predictionBytesPerSlice,
  slicesOf,
  slicesPerChunk,
} from '../../src/models/model_parts';
import { tinyBackbone } from '../support/memory_source';

describe('chunksOf', () => {
  it('covers all slices once, in order, no chunk too large, none empty', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 60 }), (total, size) => {
        tf.tidy(() => {
          const chunks = chunksOf(total, size);
          expect(chunks.every(({ count }) => count >= 1 && count <= size)).toBe(true);
          expect(chunks.length).toBe(Math.ceil(total / size));
          const parts = chunks.map((chunk) => slicesOf(tf.range(0, total), chunk));
          expect([...tf.concat(parts).dataSync()]).toEqual(Array.from({ length: total }, (_, i) => i));
        });
      }),
      { numRuns: 50 },
    );
  });
});

describe('slicesPerChunk', () => {
  it('follows the budget, and is never less than one slice', () => {
    const backbone = tinyBackbone();
    const bytes = activationBytesPerSlice(backbone);
    // every output and its gradient; the host's convolution keeps three
    expect(bytes).toBe(2 * 4 * (16 * 16 + 3 * 49 * 4 + 49 * 4 + 4 * 4 + 4 * 4));
    expect(slicesPerChunk(bytes, 10.5 * bytes)).toBe(10);
    expect(slicesPerChunk(bytes, 1)).toBe(1);
    expect(slicesPerChunk(0, 1)).toBe(Infinity);
  });

  it('counts a few layers only where nothing is kept for a gradient', () => {
    const backbone = tinyBackbone();
    expect(predictionBytesPerSlice(backbone)).toBe(4 * 4 * 16 * 16);
    expect(predictionBytesPerSlice(tf.layers.flatten({}))).toBe(0);
  });
});
