import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { trainingOrigin } from '../../src/cli/training_origin';
import { temporaryFolder } from '../support/folder';

describe('trainingOrigin', () => {
  it('has the hash of the weights, and the commit where there is one', async () => {
    const file = path.join(await temporaryFolder(), 'weights.safetensors');
    await writeFile(file, 'abc');
    const { commit, weightsSha256 } = await trainingOrigin(file);
    // that of FIPS 180-2
    expect(weightsSha256).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(commit ?? '0'.repeat(40)).toMatch(/^[0-9a-f]{40}(-dirty)?$/);
    expect((await trainingOrigin()).weightsSha256).toBeUndefined();
  });
});
