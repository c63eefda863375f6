import { readFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { parseArgs, type AnyCommand } from '../../src/cli/command_line';
import { checkOutputs } from '../../src/cli/outputs';
import { COMMANDS } from '../../src/cli/run_command';
import { temporaryFolder } from '../support/folder';

/** Runs a command in this process: an output must be refused before the checkpoint, which is none, is looked at. */
async function run(name: string, ...argv: string[]): Promise<unknown> {
  const { default: spec }: { default: AnyCommand } = await COMMANDS[name]!.load();
  return spec.run(parseArgs(name, spec, argv, '').args, false);
}

describe('outputs', () => {
  let folder: string;
  const at = (...parts: string[]) => path.join(folder, ...parts);
  const table = 'dirname,ID,ich\nID_1,1_0.png,0\n';

  beforeEach(async () => {
    folder = await temporaryFolder({ 'a/weights.safetensors': 'w' });
    await mkdir(at('data/train/ID_1'), { recursive: true });
    await mkdir(at('run/best'), { recursive: true });
    await writeFile(at('data/train.csv'), table);
    await writeFile(at('data/train/ID_1/1_0.png'), 'pixels');
    for (const name of ['config.json', 'report.html', 'best/model.json', 'best/weights.bin']) {
      await writeFile(at('run', name), name);
    }
    await symlink(at('data'), at('link'));
  });

  const study = () => ['--data', at('data')];
  const model = () => ['--checkpoint', at('run/best')];
  const both = () => [...model(), ...study()];
  const TABLE = 'data/train.csv';
  it.each<[command: string, option: string, place: string, rest: () => string[]]>([
    ['predict', 'out', TABLE, both],
    ['predict', 'kaggle', TABLE, both],
    ['predict', 'rsna', 'link/train.csv', both],
    ['predict', 'out', 'data/../data/train/ID_1/1_0.png', both],
    ['predict', 'out', 'data/train/ID_1/1_0.png', () => [...model(), '--patient', at('data/train/ID_1')]],
    ['predict', 'out', 'run/best/weights.bin', both],
    ['predict', 'out', 'data/train', both],
    ['predict', 'dicom-out', 'data', both],
    ['predict', 'dicom-out', 'data/results', both],
    ['evaluate', 'out', TABLE, both],
    ['evaluate', 'out', 'run/config.json', both],
    ['evaluate', 'save', 'data', () => [...both(), '--calibrate']],
    ['explain', 'out', 'data/train/ID_1/1_0.png', both],
    ['inspect', 'sheet', 'data/train/ID_1/1_0.png', study],
    ['calibrate', 'out', 'link', both],
    ['calibrate', 'out', 'run/best', both],
    ['export', 'out', 'run/best/model.json', model],
    ['export', 'out', 'run', model],
    ['prepare', 'out', 'data', study],
    ['train', 'out', 'data', study],
    ['train', 'out', 'data', () => [...study(), '--resume']],
    ['watch', 'state', 'run/best', () => [...model(), '--server', 'http://127.0.0.1:9/none', '--once']],
  ])('of %s: --%s %s is refused by name', async (name, option, place, rest) => {
    const running = run(name, ...rest(), `--${option}`, at(place));
    await expect(running).rejects.toThrow(`--${option}: expected `);
    await expect(running).rejects.toThrow(`received '${at(place)}', which `.replace(', which', place === 'data/results' ? ', whose' : ', which')); // prettier-ignore
    expect(await readFile(at(TABLE), 'utf8')).toBe(table);
  });

  it('may be new files, or replace what is not read', async () => {
    const inputs = { studies: { data: at('data') }, checkpoints: { checkpoint: at('run') } };
    const files = ['data/new.csv', 'run/report.html', 'run/best/model.onnx', 'model.json', 'new/a.csv'];
    for (const out of files) await checkOutputs({ files: { out: at(out) } }, inputs);
    for (const out of ['data/run', 'run/decided', 'data-2']) {
      await checkOutputs({ folders: { out: at(out) } }, inputs);
    }
    await checkOutputs({ apart: { out: at('data-2') } }, inputs);
  });

  it('of watch are not taken from a folder with a study of its own', async () => {
    const other = await temporaryFolder({ 'study/scan.dcm': 'pixels' });
    const watch = () => run('watch', ...model(), '--server', 'http://127.0.0.1:9/none', '--state', other);
    await expect(watch()).rejects.toThrow('--state: expected a new folder or that of an earlier watch');
    expect(await readFile(path.join(other, 'study/scan.dcm'), 'utf8')).toBe('pixels');
  });

  it("of demo do not replace another's run", async () => {
    const other = await temporaryFolder({ 'run/config.json': '{"data":"clinic"}' });
    const demo = () => run('demo', '--out', other, '--backend', 'cpu');
    await expect(demo()).rejects.toThrow('was trained on clinic');
    expect(await readFile(path.join(other, 'run/config.json'), 'utf8')).toContain('clinic');
  });
});
