import * as tf from '@tensorflow/tfjs';

/**
 * Warns if this process has loaded a second copy of TensorFlow.js: tensors can be passed between copies, but layers and
 * saved models cannot, and tfjs's errors then do not name the cause or the fix.
 *
 * Copies share one engine and environment, created by the first; each later one sets the environment's platform again.
 * So a copy loaded before ours is detected at once, and one that the same program loads later is detected after its
 * imports have run. This is only a warning, since a program that uses one of the copies consistently works.
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
