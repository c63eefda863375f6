import * as tf from '@tensorflow/tfjs';
import { beforeEach } from 'vitest';

// tfjs advertises tfjs-node on the first op; in tests that is noise.
tf.env().set('IS_TEST', true);

beforeEach(async () => {
  if (tf.getBackend() !== 'cpu') await tf.setBackend('cpu');
});
