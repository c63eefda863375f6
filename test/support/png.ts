import { crc32, deflateSync } from 'node:zlib';

/** Colour types of the PNG format. */
export const PNG_COLOR = { gray: 0, rgb: 2, palette: 3, grayAlpha: 4, rgba: 6 } as const;

/**
 * A PNG written by hand, so that what a reader makes of it is not judged by that reader's own writer.
 *
 * @param rows - Sample bytes of each row, 16-bit samples as two bytes, high first.
 */
export function pngBytes(
  width: number,
  height: number,
  bits: number,
  color: number,
  rows: readonly (readonly number[])[],
  extra: readonly { type: string; data: readonly number[] }[] = [],
): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = bits;
  header[9] = color;
  const scanlines = Buffer.from(rows.flatMap((row) => [0, ...row])); // 0: no filter
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    ...extra.map(({ type, data }) => chunk(type, Buffer.from(data))),
    chunk('IDAT', deflateSync(scanlines)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** An 8-bit gray PNG of one value. */
export function flatPng(width: number, height: number, value: number): Buffer {
  const row = new Array<number>(width).fill(value);
  return pngBytes(
    width,
    height,
    8,
    PNG_COLOR.gray,
    Array.from({ length: height }, () => row),
  );
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}
