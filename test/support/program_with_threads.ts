/** A program of its own, for tests of how it ends: it convolves on two threads and has no more to do. */
import * as tf from '@tensorflow/tfjs';
import { useBackend } from '../../src/node/backend/backend';

await useBackend('wasm', { threads: 2 });
tf.conv2d(tf.ones([1, 20, 20, 8]) as tf.Tensor4D, tf.ones([3, 3, 8, 8]) as tf.Tensor4D, 1, 'same').dispose();
console.log('done');
