import * as tf from '@tensorflow/tfjs';

/**
 * Says so when this process has loaded a second copy of TensorFlow.js: tensors pass between copies, layers and saved models do
 * not, and the host's errors then name neither cause nor cure.
 *
 * Copies share one engine and environment, made by the first; each later one sets the environment's platform anew. So a copy
 * loaded before ours shows at once, and one that the same program loads after ours shows when its imports have been run.
 * A warning, since a program that keeps to one of the copies works.
 */
export function warnOfSecondTfjs(): void {
  if (!(tf.env() instanceof tf.Environment)) {
    console.warn(SECOND_TFJS);
    return;
  }
  const { platform, platformName } = tf.env();
  queueMicrotask(() => {
    const now = tf.env();
    if (now.platform !== platform && now.platformName === platformName) console.warn(SECOND_TFJS);
  });
}

const SECOND_TFJS =
  'ct-multilabel: a second copy of @tensorflow/tfjs is loaded, and layers of one copy fail in models of the other: leave ' +
  'one version installed (`npm ls @tensorflow/tfjs-core` lists them, `npm dedupe` or `overrides` in package.json fixes it).';

warnOfSecondTfjs();
