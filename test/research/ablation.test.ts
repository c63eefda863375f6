import { readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder';
import { program } from '../support/command';

describe('research/ablation.ts', { timeout: 240_000 }, () => {
  it('compares arrangements on the same folds, goes on where it stopped, and reports', async () => {
    const out = path.join(await temporaryFolder(), 'ablation');
    const ablation = async (...more: string[]) => {
      const { code, stdout, stderr } = await program(
        'research/ablation.ts',
        ...['--phantom', '8', '--image-size', '32', '--out', out, '--versions', '1', '--folds', '2'],
        ...['--epochs', '1', '--only', '1Dconv', ...more],
      );
      expect(`${code} ${stderr}`).toBe('0 ');
      return stdout;
    };
    const first = await ablation('--share', '1/2');
    expect(first.match(/^repeat 1 fold [12]: /gm)).toHaveLength(3);
    expect(first).toMatch(/3 of 6 runs are done/);
    const features = path.join(out, 'features/frozen.safetensors');
    const extracted = (await stat(features)).mtimeMs;

    const second = await ablation();
    expect(second.match(/^repeat 1 fold [12]: /gm)).toHaveLength(3);
    expect((await stat(features)).mtimeMs).toBe(extracted);
    const report = await readFile(path.join(out, 'results.md'), 'utf8');
    expect(report).toMatch(/8 patients, 2 folds, 1 repeat, seed 1/);
    expect(report).toMatch(/\| VGG16 \+ SDL\(1Dconv\), neck concat \| \d\.\d{3} \[/);
    expect(report).toMatch(/0\.747 \/ 0\.750/);
    expect(await readFile(path.join(out, 'results.csv'), 'utf8')).toMatch(/^arrangement,decided,f2,low,high/);
    expect(await readFile(path.join(out, 'results.svg'), 'utf8')).toMatch(/^<svg /);

    // the same figures again, from the folds that are there
    await rm(path.join(out, 'results.md'));
    expect(await ablation()).not.toMatch(/^repeat/m);
    expect(await readFile(path.join(out, 'results.md'), 'utf8')).toBe(report);
  });
});
