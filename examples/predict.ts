/**
 * Predicts with a checkpoint; the same as `ct-multilabel predict`:
 *
 *   npx tsx examples/predict.ts --checkpoint runs/kaggle --patient data/train/ID_001
 *   npx tsx examples/predict.ts --checkpoint runs/kaggle --data data --kaggle submission.csv
 */
import { runCommand } from 'ct-multilabel/cli';

await runCommand(['predict', ...process.argv.slice(2)]);
