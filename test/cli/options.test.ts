import { describe, expect, it, vi } from 'vitest';
import { RSNA_LABELS } from '../../src/index';
import { parseArgs, type AnyCommand, type Option } from '../../src/cli/command_line';
import { COMMANDS } from '../../src/cli/run_command';

const specOf = async (name: string): Promise<AnyCommand> => (await COMMANDS[name]!.load()).default;

/** What a command prints to standard error instead of starting, or undefined if it would start. */
async function refusal(name: string, ...argv: string[]): Promise<string | undefined> {
  const spec = await specOf(name);
  const needed = Object.entries(spec.options).flatMap(([option, { required }]) => {
    if (!required || argv.includes(`--${option}`)) return [];
    return option === spec.argument?.name ? ['folder'] : [`--${option}`, 'none'];
  });
  const printed: string[] = [];
  const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  try {
    parseArgs(name, spec, [...needed, ...argv], '');
    return undefined;
  } catch {
    return printed.join('');
  } finally {
    spy.mockRestore();
  }
}

describe('options', () => {
  it.each(Object.keys(COMMANDS))(
    '%s: numbers are checked before it starts, and defaults pass',
    async (name) => {
      const options = Object.entries<Option>((await specOf(name)).options);
      for (const [option, { value, default: absent }] of options) {
        if (value !== 'N' && value !== 'MiB' && value !== 'X') continue;
        const wrong = ['-1', 'ten', '', ' ', '1e999', 'NaN', '0x', ...(value === 'X' ? [] : ['1.5'])];
        for (const text of wrong) {
          const error = await refusal(name, `--${option}=${text}`);
          expect(error, `${option}=${text}`).toMatch(new RegExp(`^error: --${option}: expected an? `));
          expect(error).toContain('received');
        }
        if (absent !== undefined) expect(await refusal(name, `--${option}=${absent}`)).toBeUndefined();
      }
    },
  );

  it.each([
    ['evaluate', 'resamples', '0', 'a positive integer, received 0'],
    ['evaluate', 'prevalence', '0.1,1.5', 'a number in [0, 1], received 1.5'],
    ['evaluate', 'prevalence', '0.1,', 'a number in [0, 1], received ""'],
    ['explain', 'zoom', '0', 'a positive integer, received 0'],
    ['explain', 'slice', '0', 'a positive integer, received 0'],
    ['inspect', 'tile-size', '0', 'a positive integer, received 0'],
    ['inspect', 'labels', 'ich,,sdh', 'a list of distinct, non-empty label names'],
    ['train', 'labels', 'ich,ich', 'a list of distinct, non-empty label names'],
    ['train', 'windows', 'brain,bones', 'received "bones"; did you mean \'bone\'?'],
    ['train', 'allow', 'not-hu,not-ctt', "did you mean 'not-ct'?"],
    ['train', 'batch-size', '0', 'a positive integer, received 0'],
    ['train', 'clip-norm', '0', 'a number above 0, received 0'],
    ['train', 'pretrain-lr', '1', 'a number in (0, 1), received 1'],
    ['train', 'lr', '1e-5,', "a number, or two as backbone,head, received '1e-5,'"],
    ['train', 'lr', '1e-5,1e-4,1', 'a number, or two as backbone,head'],
    ['train', 'lr', '1e-5,0', 'a number in (0, 1), received 0'],
    ['train', 'thresholds', '1.5', "'fit' or a number in [0, 1], received '1.5'"],
    ['train', 'test-fold', '6/5', "a fold and the number of folds, e.g. 2/5, received '6/5'"],
    ['train', 'memory-budget', '0', 'a positive integer, received 0'],
    ['demo', 'difficulty', '1.1', 'a number in [0, 1], received 1.1'],
    ['demo', 'patients', '2', 'an integer in 3..99999, received 2'],
    ['demo', 'slices', '7', 'an integer in 8..40, received 7'],
    ['watch', 'interval', '0', 'a positive integer, received 0'],
  ])('%s --%s %s is refused before it starts', async (name, option, text, expected) => {
    const error = await refusal(name, `--${option}`, text);
    expect(error).toMatch(new RegExp(`^error: --${option}: expected`));
    expect(error).toContain(expected);
  });

  it('reads lists, folds and rates', async () => {
    const argv = ['--data', 'a', '--labels', 'rsna', '--windows', 'brain,bone', '--test-fold', '2/5'];
    const { args } = parseArgs('train', await specOf('train'), [...argv, '--lr', '1e-5,1e-4'], '');
    expect(args).toMatchObject({
      ...{ windows: ['brain', 'bone'], testFold: { fold: 2, folds: 5 }, lr: { backbone: 1e-5, head: 1e-4 } },
      labels: RSNA_LABELS,
    });
  });

  it.each([
    ['train', ['--checkpoint-steps', '3', '--accumulate', '2'], '--checkpoint-steps: expected a multiple of'],
    [
      'train',
      ['--pretrain-epochs', '0', '--warm-up-epochs', '0', '--epochs', '0'],
      'expected at least one above 0',
    ],
    ['train', ['--test-fraction', '0.9'], '--validation-fraction, --test-fraction: expected'],
    [
      'prepare',
      ['--validation-fraction', '0', '--out', 'x'],
      '--validation-fraction, --test-fraction: expected',
    ],
    ['explain', ['--checkpoint', 'none', '--layer', 'x'], '--layer: expected --method'],
    ['evaluate', ['--checkpoint', 'none', '--calibrate'], 'need --save'],
  ])(
    '%s %j: options that do not go together are refused before data are read',
    async (name, argv, expected) => {
      const spec = await specOf(name);
      const { args } = parseArgs(name, spec, ['--data', 'none', ...argv], '');
      await expect(spec.run(args, false)).rejects.toThrow(expected);
    },
  );
});
