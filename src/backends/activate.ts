import * as tf from '@tensorflow/tfjs';

/** Activates a backend and adds two numbers, since some backends fail only then. */
export async function activate(name: string): Promise<void> {
  if (!(await tf.setBackend(name))) throw new Error('it did not start');
  await tf.ready();
  const sum = tf.tidy(() => tf.add(tf.scalar(1), tf.scalar(2)));
  const [value] = await sum.data();
  sum.dispose();
  if (value !== 3) throw new Error(`it computed 1 + 2 = ${value}`);
}

/** Whether the package of a backend has been imported and could register it. */
export const isRegistered = (name: string): boolean => name in tf.engine().registryFactory;

/** Name of the active backend if it has started; tfjs also names one that failed to start. */
export function activeBackend(): string | undefined {
  const name = tf.getBackend() as string | undefined;
  return name !== undefined && name in tf.engine().registry ? name : undefined;
}
