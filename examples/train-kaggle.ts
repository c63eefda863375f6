/**
 * Trains the poster's model on folders of images in the challenge's layout, or of DICOM; the same as
 * `ct-multilabel train`, whose steps are in src/cli/commands/train.ts:
 *
 *   npx tsx examples/train-kaggle.ts --data DIR --backbone-weights vgg16.safetensors
 *   npx tsx examples/train-kaggle.ts --data RSNA --windows brain,subdural,bone --labels rsna --workers 4
 *   npx tsx examples/train-kaggle.ts --data CLINIC --data RSNA --test-fraction 0.2
 */
import { runCommand } from 'ct-multilabel/cli';

await runCommand(['train', ...process.argv.slice(2)]);
