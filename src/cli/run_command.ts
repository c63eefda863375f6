import { Command } from 'commander';
import { VERSION } from '../version';
import { isUsage, parseArgs, type AnyCommand } from './command_line';
import { endWithTheReader, printJson, runToEnd } from './terminal';

interface Listed {
  summary: string;
  // loaded when it is asked for: help comes at once
  load: () => Promise<{ default: AnyCommand }>;
}

/** Every command, in the order that one meets them. */
export const COMMANDS: Readonly<Record<string, Listed>> = {
  init: {
    summary: 'Write a small TypeScript project that trains on synthetic head CT, to begin from',
    load: () => import('./commands/init'),
  },
  demo: {
    summary: 'Train the whole recipe in minutes, on synthetic head CT, and draw where the model looked',
    load: () => import('./commands/demo'),
  },
  inspect: {
    summary: 'Say what a folder of patients holds and what is wrong with it, and draw it',
    load: () => import('./commands/inspect'),
  },
  train: {
    summary: 'Train a model on folders of images or DICOM; exits with 3 where it finds nothing',
    load: () => import('./commands/train'),
  },
  evaluate: {
    summary: 'Score a checkpoint on a labelled study, and write a report',
    load: () => import('./commands/evaluate'),
  },
  predict: {
    summary: 'Predict patients with what a training wrote',
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
      "Fit a finished model's thresholds and calibration on another hospital's patients, and write a copy",
    load: () => import('./commands/calibrate'),
  },
  prepare: {
    summary: 'Write prepared slices as safetensors, to train on in PyTorch',
    load: () => import('./commands/prepare'),
  },
  export: {
    summary: 'Write a finished model as ONNX, or its weights for PyTorch',
    load: () => import('./commands/export'),
  },
};

/**
 * Runs `ct-multilabel` as from the command line, and sets the exit code: 1 after an error, 2 where what was typed is wrong.
 *
 * @param argv - What follows the program's name.
 * @example
 * ```ts
 * import { runCommand } from 'ct-multilabel/cli';
 *
 * await runCommand(['inspect', '--data', 'DIR']);
 * ```
 */
export async function runCommand(argv: readonly string[]): Promise<void> {
  // help is much to read, too
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
      // its own parser reads what follows
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
    // commander has printed the help, or what is wrong
    if (!isUsage(error)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  }
}
