import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunksOf, slicesOf } from '../../src/models/slice_chunks';

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
