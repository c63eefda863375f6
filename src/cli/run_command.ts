import { Command } from 'commander';
import { VERSION } from '../version';
import { isUsage, parseArgs, type AnyCommand } from './command_line';
import { endWithTheReader, printJson, runToEnd } from './terminal';

interface Listed {
  summary: string;
  // loaded on demand, so that help is fast
  load: () => Promise<{ default: AnyCommand }>;
}

/** All commands, in the usual order of use. */
export const COMMANDS: Readonly<Record<string, Listed>> = {
  init: {
    summary: 'Write a small TypeScript project that trains on synthetic head CT, as a starting point',
    load: () => import('./commands/init'),
  },
  demo: {
    summary: 'Run the whole recipe in minutes on synthetic head CT, and draw where the model looked',
    load: () => import('./commands/demo'),
  },
  inspect: {
    summary: 'Report the contents and problems of a folder of patients, and draw a contact sheet',
    load: () => import('./commands/inspect'),
  },
  train: {
    summary:
      'Train a model on folders of images or DICOM; exits with status 3 if it is no better than guessing',
    load: () => import('./commands/train'),
  },
  evaluate: {
    summary: 'Evaluate a checkpoint on a labelled study, and write a report',
    load: () => import('./commands/evaluate'),
  },
  predict: {
    summary: 'Predict patients with a trained model',
    load: () => import('./commands/predict'),
  },
  explain: {
    summary: 'Draw where a trained model looked',
    load: () => import('./commands/explain'),
  },
  watch: {
    summary: 'Score the CT studies of a DICOMweb server, and store reports and heat maps there',
    load: () => import('./commands/watch'),
  },
  calibrate: {
    summary:
      "Fit a trained model's thresholds and calibration on another hospital's patients, and write a copy",
    load: () => import('./commands/calibrate'),
  },
  prepare: {
    summary: 'Write prepared slices as safetensors, for training in PyTorch',
    load: () => import('./commands/prepare'),
  },
  export: {
    summary: 'Export a trained model as ONNX, or its weights for PyTorch',
    load: () => import('./commands/export'),
  },
};

/**
 * Runs `ct-multilabel` as from the command line, and sets the exit code: 1 after an error, 2 for an invalid command
 * line.
 *
 * @param argv - Arguments after the program's name.
 * @example
 * ```ts
 * import { runCommand } from 'ct-multilabel/cli';
 *
 * await runCommand(['inspect', '--data', 'DIR']);
 * ```
 */
export async function runCommand(argv: readonly string[]): Promise<void> {
  // also for the help, which is long
  endWithTheReader();
  const program = new Command('ct-multilabel')
    .description('Multi-label classifiers for brain CT: train, score, explain, predict. Research use only.')
    .version(VERSION)
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('See --help.')
    .enablePositionalOptions()
    .addHelpText('after', '\nct-multilabel <command> --help lists the options of a command.');
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    program
      .command(name)
      .description(summary)
      // the command's own parser reads the remaining arguments
      .helpOption(false)
      .allowUnknownOption()
      .passThroughOptions()
      .allowExcessArguments()
      .action((_options: object, { args }: Command) => load().then(({ default: spec }) => runSpec(`ct-multilabel ${name}`, spec, args, summary)));
  } // prettier-ignore
  await usageExits(() => program.parseAsync([...argv], { from: 'user' }));
}

async function runSpec(program: string, spec: AnyCommand, argv: readonly string[], summary: string): Promise<void> {
  await usageExits(async () => {
    const { args, debug, json } = parseArgs(program, spec, argv, summary);
    const run = json ? () => printJson(() => spec.run(args, true)) : () => spec.run(args, false);
    await runToEnd(run, { debug, interrupted: () => spec.interrupted?.(args) });
  });
} // prettier-ignore

async function usageExits(run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    // commander has printed the help or the error
    if (!isUsage(error)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  }
}
