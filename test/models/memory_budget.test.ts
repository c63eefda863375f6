import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import {
  activationBytesPerSlice,
  predictionBytesPerSlice,
  slicesPerChunk,
} from '../../src/models/memory_budget';
import { tinyBackbone } from '../support/memory_source';

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
