/** Exports a trained model: as ONNX for onnxruntime, or its weights as safetensors for PyTorch. */
import * as tf from '@tensorflow/tfjs';
import { ArgumentError, exportOnnx, torchStateDict, writeSafetensors } from '../../index';
import { loadCheckpoint, useBackend } from '../../node';
import { writeFileAtomic } from '../../node/files/atomic_write';
import { command, options, type Args } from '../command_line';
import { CHECKPOINT } from '../options';
import { checkOutputs } from '../outputs';

const OPTIONS = options({
  ...CHECKPOINT,
  out: { value: 'FILE', help: 'the file to write', required: true },
  format: { value: 'NAME', choices: ['onnx', 'safetensors'], default: 'onnx', help: 'onnx for onnxruntime, safetensors for PyTorch' },
  precision: { value: 'NAME', choices: ['float32', 'float16'], default: 'float32', help: 'precision of the stored weights' },
  lengths: { help: 'onnx: a second input with the number of real slices of each stack, for padded batches' },
}); // prettier-ignore

export default command({
  examples: [
    '--checkpoint runs/first --out model.onnx',
    '--checkpoint runs/first --format safetensors --precision float16 --out model.safetensors',
  ],
  options: OPTIONS,
  run: exportModel,
});

async function exportModel(args: Args<typeof OPTIONS>): Promise<void> {
  const { out, format, precision, lengths } = args;
  if (lengths && format !== 'onnx') {
    throw new ArgumentError(`--lengths: expected --format onnx, received '${format}'`);
  }
  await checkOutputs({ files: { out } }, { checkpoints: { checkpoint: args.checkpoint } });
  await useBackend('wasm'); // nothing is computed
  const { model, manifest } = await loadCheckpoint(args.checkpoint);
  let file: Uint8Array;
  if (format === 'onnx') {
    file = await exportOnnx(model, { ...manifest, precision, lengths });
  } else {
    const state = torchStateDict(model);
    const { labels, preprocessing, thresholds, calibration } = manifest;
    // the format stores only strings
    const metadata = { format: 'pt', 'ct-multilabel': JSON.stringify({ labels, preprocessing, thresholds, calibration }) };
    file = await writeSafetensors(state, { precision, metadata });
    tf.dispose(state);
  }
  await writeFileAtomic(out, file);
  console.log(`${out}: ${format}, ${precision}, ${(file.length / 2 ** 20).toFixed(1)} MiB`);
} // prettier-ignore
