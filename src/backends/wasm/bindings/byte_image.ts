import * as tf from '@tensorflow/tfjs';
import { BYTE_IMAGE_KERNEL, type ByteImageAttrs } from '../../../kernels/byte_image/contract';
import { hostWorkspace } from '../runtime/engine';
import { Scratch, wasmKernel } from '../runtime/kernel_support';
import { spanOf } from '../runtime/workspace';

/** Bytes as 255ths, compiled. */
export const byteImage = wasmKernel<never, ByteImageAttrs>(BYTE_IMAGE_KERNEL, (args) => {
  const { attrs, backend } = args;
  const { bytes, shape } = attrs;
  const workspace = hostWorkspace(backend);
  if (workspace === undefined) {
    // registered by the time an image is converted
    const plain = tf.getKernel(`${BYTE_IMAGE_KERNEL}.plain`, 'wasm')!;
    return plain.kernelFunc(args as never) as tf.TensorInfo;
  }
  return Scratch.use(backend, (scratch) => {
    const result = scratch.make(shape);
    workspace.scope(backend, () => {
      const out = workspace.address(spanOf(result));
      new Uint8Array(workspace.host.asm.memory.buffer).set(bytes, out + 3 * bytes.length);
      workspace.kernels.unitsOfBytes({ out, count: bytes.length });
    });
    return result;
  });
});
