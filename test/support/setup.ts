import * as tf from '@tensorflow/tfjs';
import { beforeEach } from 'vitest';

// tfjs advertises tfjs-node on the first op; in tests that is noise.
const warn = console.warn.bind(console);
console.warn = (...args: unknown[]) => {
  if (!String(args[0]).includes('running TensorFlow.js in Node.js')) warn(...args);
};

beforeEach(async () => {
  if (tf.getBackend() !== 'cpu') await tf.setBackend('cpu');
});
