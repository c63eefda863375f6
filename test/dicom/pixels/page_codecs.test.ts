import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { decodeDicomSlice } from '../../../src/dicom/index';

const GOLDEN = fileURLToPath(new URL('../../golden/dicom', import.meta.url));

afterEach(() => vi.unstubAllGlobals());

describe('codecs in a page', () => {
  const files = readdirSync(GOLDEN).filter((name) => /^jpeg_(2000|ls|baseline|extended_8)/.test(name));

  it('are builds that need no file beside the page, and decode to the same values', async () => {
    expect(files.length).toBeGreaterThan(5);
    const options = { allow: ['implausible-hu'] } as const;
    const bytesOf = (file: string) => readFileSync(path.join(GOLDEN, file));
    const here = new Map<string, Float32Array>();
    for (const file of files) here.set(file, (await decodeDicomSlice(bytesOf(file), { file }, options)).hu);
    for (const codec of ['openjpeg', 'charls', 'libjpeg-turbo-8bit']) {
      vi.doMock(`@cornerstonejs/codec-${codec}/decodewasmjs`, () => {
        throw new Error('it looks for a file beside the page');
      });
    }
    vi.stubGlobal('WorkerGlobalScope', class {});
    vi.resetModules();
    const page = await import('../../../src/dicom/index');
    for (const file of files) {
      const { hu } = await page.decodeDicomSlice(bytesOf(file), { file }, options);
      expect(hu, file).toEqual(here.get(file));
    }
  });
});
