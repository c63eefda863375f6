/** The recipe of a training run: the options that change it, and the resulting recipe. */
import { ArgumentError, RECIPES, RECOMMENDED_TRAINING, type RecipeOptions } from '../index';
import { TRAINING_RULES, type PartRates } from '../training/stages/stage';
import { PRETRAIN_RULES } from '../training/stages/train_patients';
import { isNumberIn } from '../base/options';
import { numberIn, options, type Args } from './command_line';

/** A setting of the default recipe, for the help text. */
const of = (stage: 'pretrain' | 'warmUp' | 'patients', setting: string) =>
  String((RECIPES.default[stage] as unknown as Record<string, unknown>)[setting]);

/** The choice of recipe, and settings that override it. */
export const RECIPE = options({
  recipe: {
    value: 'NAME',
    choices: ['default', 'poster'],
    default: 'default',
    help: 'poster: as published, no warm-up, threshold 0.5; the settings below override the recipe',
  },
  augment: { default: true, help: 'flip, rotate and scale each stack and change its brightness and contrast at random' },
  'pretrain-epochs': { value: 'N', help: `maximum epochs on single slices; 0 skips the stage (${of('pretrain', 'epochs')})` },
  'pretrain-lr': { value: 'X', rule: TRAINING_RULES.learningRate, help: `learning rate on single slices (${of('pretrain', 'learningRate')})` },
  'batch-size': { value: 'N', rule: PRETRAIN_RULES.batchSize, help: `slices per batch there (${of('pretrain', 'batchSize')})` },
  'slices-per-epoch': { value: 'N', rule: PRETRAIN_RULES.slicesPerEpoch, help: 'slices per epoch there, drawn anew for each epoch (all)' },
  'warm-up-epochs': { value: 'N', help: `maximum epochs of the head on the backbone's features; 0 skips the stage (${of('warmUp', 'epochs')})` },
  'warm-up-lr': { value: 'X', rule: TRAINING_RULES.learningRate, help: `learning rate there (${of('warmUp', 'learningRate')})` },
  versions: { value: 'N', help: `augmented versions of each slice to extract features from (${of('warmUp', 'versions')})` },
  epochs: { value: 'N', help: `maximum epochs of the whole model on whole patients; 0 skips the stage (${of('patients', 'epochs')})` },
  lr: { value: 'X[,X]', parse: learningRates, help: `learning rate there, or two as backbone,head (${of('patients', 'learningRate')})` },
  patience: { value: 'N', rule: TRAINING_RULES.patience, help: `epochs without a better validation F2 before a stage stops (${RECIPES.default.patience})` },
  thresholds: { value: 'X|fit', parse: threshold, help: "'fit': chosen on the validation patients; or a number, in the poster 0.5 (fit)" },
  decay: { value: 'NAME', choices: ['none', 'cosine'], help: 'decay of the learning rate in every stage' },
  'rate-warm-up': { value: 'X', help: 'epochs over which the learning rate warms up in every stage' },
  'weight-decay': { value: 'X', help: 'decoupled weight decay in every stage (0)' },
  'clip-norm': { value: 'X', rule: TRAINING_RULES.clipNorm, help: 'maximum norm of the gradients in every stage (none)' },
  accumulate: { value: 'N', rule: TRAINING_RULES.accumulate, help: 'batches per optimizer step in every stage (1)' },
  balance: { help: 'draw slices and patients with and without a label equally often' },
  'checkpoint-steps': { value: 'N', help: 'batches between checkpoints within an epoch, for resuming a killed run' },
}); // prettier-ignore

/** The recipe requested on the command line. */
export function recipeOptions(args: Args<typeof RECIPE> & { variant: string }): RecipeOptions {
  const recipe = RECIPES[args.recipe];
  const everywhere = {
    ...{ decay: args.decay, warmupEpochs: args.rateWarmUp, weightDecay: args.weightDecay },
    ...{ clipNorm: args.clipNorm, accumulate: args.accumulate, balance: args.balance || undefined },
  };
  const stage = <T extends object>(of: T | false, given: { epochs: number | undefined; [setting: string]: unknown }): T | false => {
    const set = Object.entries({ ...everywhere, ...given }).filter(([, value]) => value !== undefined);
    return of === false && !given.epochs ? false : ({ ...of, ...Object.fromEntries(set) } as T);
  };
  const sequence = args.variant === 'recommended' ? RECOMMENDED_TRAINING : {};
  return {
    ...recipe,
    pretrain: stage(recipe.pretrain, { epochs: args.pretrainEpochs, learningRate: args.pretrainLr, batchSize: args.batchSize, slicesPerEpoch: args.slicesPerEpoch }),
    warmUp: stage(recipe.warmUp, { epochs: args.warmUpEpochs, learningRate: args.warmUpLr, versions: args.versions, ...sequence }),
    patients: stage(recipe.patients, { epochs: args.epochs, learningRate: args.lr, ...sequence }),
    patience: args.patience ?? recipe.patience,
    augment: args.augment ? recipe.augment : false,
    threshold: args.thresholds ?? recipe.threshold,
  };
} // prettier-ignore

/** One rate for everything, or one for the backbone and one for the head. */
function learningRates(text: string, what: string): PartRates {
  const given = text.split(',').map(numberIn);
  const [backbone, head = backbone] = given;
  if (given.length > 2 || given.includes(undefined)) {
    throw new ArgumentError(`${what}: expected a number, or two as backbone,head, received '${text}'`);
  }
  const rates = { backbone: backbone!, head: head! };
  TRAINING_RULES.learningRate.check(rates, what);
  return rates;
}

function threshold(text: string, what: string): number | 'fit' {
  if (text === 'fit') return text;
  const value = numberIn(text);
  if (value === undefined || !isNumberIn(value, 0, 1)) {
    throw new ArgumentError(`${what}: expected 'fit' or a number in [0, 1], received '${text}'`);
  }
  return value;
}
