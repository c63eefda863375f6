import * as tf from '@tensorflow/tfjs';
import { buildCtBrainModel } from 'ct-multilabel';

await tf.setBackend('cpu');
const model = buildCtBrainModel({ inputShape: [32, 32, 1], backbone: 'squeezenet1_1' });
const logits = model.predict(tf.ones([1, 2, 32, 32, 1])) as tf.Tensor;
const finite = (await logits.data()).every(Number.isFinite);
document.body.textContent = `logits ${logits.shape.join('x')}${finite ? ' finite' : ' not finite'}`;
