/**
 * Kernel without inputs, with attributes {@link ByteImageAttrs}; outputs the bytes as 255ths, in float32. They are
 * written to the backend's memory directly: an array of floats for each image costs more than the conversion.
 */
export const BYTE_IMAGE_KERNEL = 'CtByteImage';

export interface ByteImageAttrs {
  bytes: Uint8Array;
  shape: number[];
}
