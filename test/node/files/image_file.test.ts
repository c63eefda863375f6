import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { ArgumentError, DataError } from '../../../src/base/errors';
import { readGrayImage } from '../../../src/node/files/image_file';
import { expectClose } from '../../support/matchers';
import { temporaryFolder } from '../../support/folder';
import { flatPng, PNG_COLOR, pngBytes } from '../../support/png';

/** Reads bytes through a file whose name says nothing about its kind. */
async function read(bytes: Uint8Array, options?: Parameters<typeof readGrayImage>[1]) {
  const folder = await temporaryFolder({ image: bytes });
  return readGrayImage(join(folder, 'image'), options);
}

const bytes16 = (...values: number[]) => values.flatMap((v) => [v >> 8, v & 255]);

/** A 64 x 64 JPEG of something that does not compress away. */
const jpeg = () =>
  sharp(Buffer.from(Array.from({ length: 64 * 64 }, (_, i) => (i * 7919) % 251)), {
    raw: { width: 64, height: 64, channels: 1 },
  })
    .jpeg({ quality: 90 })
    .toBuffer();

describe('readGrayImage', () => {
  it('reads 8-bit gray', async () => {
    const image = await read(
      pngBytes(3, 2, 8, PNG_COLOR.gray, [
        [0, 1, 128],
        [255, 10, 100],
      ]),
    );
    expect([image.height, image.width]).toEqual([2, 3]);
    expect(image.data).toBeInstanceOf(Float32Array);
    expectClose(
      image.data,
      [0, 1, 128, 255, 10, 100].map((v) => v / 255),
      1e-7,
    );
  });

  it('reads all 16 bits', async () => {
    const values = [0, 1, 256, 65535, 40000, 12345];
    const image = await read(
      pngBytes(3, 2, 16, PNG_COLOR.gray, [bytes16(...values.slice(0, 3)), bytes16(...values.slice(3))]),
    );
    expectClose(
      image.data,
      values.map((v) => v / 65535),
      1e-7,
    );
    expect(image.data[1]! * 65535).toBeCloseTo(1, 4); // would be 0 after a cut to 8 bits
  });

  it('turns colour into luma', async () => {
    const rgb = await read(pngBytes(2, 1, 8, PNG_COLOR.rgb, [[200, 100, 50, 77, 77, 77]]));
    expectClose(rgb.data, [(0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255, 77 / 255], 1e-6);
    const deep = await read(pngBytes(1, 1, 16, PNG_COLOR.rgb, [bytes16(1000, 2000, 3000)]));
    expectClose(deep.data, [(0.299 * 1000 + 0.587 * 2000 + 0.114 * 3000) / 65535], 1e-6);
    const palette = { type: 'PLTE', data: [10, 10, 10, 200, 200, 200] };
    const indexed = await read(pngBytes(3, 1, 8, PNG_COLOR.palette, [[0, 1, 0]], [palette]));
    expectClose(
      indexed.data,
      [10, 200, 10].map((v) => v / 255),
      1e-6,
    );
  });

  it('drops alpha without blending', async () => {
    const rgba = await read(pngBytes(2, 1, 8, PNG_COLOR.rgba, [[50, 50, 50, 0, 60, 60, 60, 128]]));
    expectClose(rgba.data, [50 / 255, 60 / 255], 1e-6);
    const deep = await read(pngBytes(2, 1, 16, PNG_COLOR.grayAlpha, [bytes16(1000, 2000, 3000, 65535)]));
    expectClose(deep.data, [1000 / 65535, 3000 / 65535], 1e-6);
  });

  it('reads gray of fewer bits at full range', async () => {
    const image = await read(pngBytes(8, 1, 1, PNG_COLOR.gray, [[0b10110000]]));
    expect([...image.data]).toEqual([1, 0, 1, 1, 0, 0, 0, 0]);
  });

  it("reads JPEG near its pixels, and leaves a camera's orientation alone", async () => {
    const ramp = Buffer.from(Array.from({ length: 16 * 8 }, (_, i) => (i % 16) * 16));
    const raw = { width: 16, height: 8, channels: 1 as const };
    const bytes = await sharp(ramp, { raw })
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
      .toBuffer();
    const image = await read(bytes);
    expect([image.height, image.width]).toEqual([8, 16]);
    expectClose(
      image.data,
      [...ramp].map((v) => v / 255),
      0.02,
    );
  });

  it('reads gray JPEG of every kind and with anything before its frame, and colour as luma', async () => {
    const raw = { width: 40, height: 24, channels: 1 as const };
    const values = Uint8Array.from({ length: 40 * 24 }, (_, i) => (i % 40) * 6);
    const made = () => sharp(values, { raw });
    const gray = [
      await made().jpeg({ quality: 100 }).toBuffer(),
      await made().jpeg({ quality: 100, progressive: true, optimizeScans: true }).toBuffer(),
      await made()
        .withIccProfile('p3')
        .withExif({ IFD0: { Copyright: 'x'.repeat(3000) } })
        .jpeg({ quality: 100 })
        .toBuffer(),
    ];
    const [plain] = gray as [Buffer];
    // a comment, and bytes between segments, which decoders skip
    gray.push(
      Buffer.concat([plain.subarray(0, 2), Buffer.from([0xff, 0xfe, 0, 6, 1, 2, 3, 4]), plain.subarray(2)]),
    );
    gray.push(Buffer.concat([plain.subarray(0, 2), Buffer.from([0xff, 0xff]), plain.subarray(2)]));
    const expected = Float32Array.from(values, (value) => value / 255);
    for (const bytes of gray) expectClose((await read(bytes)).data, expected, 0.02);
    const rgb = sharp({
      create: { width: 9, height: 9, channels: 3, background: { r: 200, g: 100, b: 50 } },
    });
    const luma = (0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255;
    const colour = await read(await rgb.jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer());
    expectClose(colour.data, new Array(81).fill(luma) as number[], 0.01);
    const cmyk = await rgb.clone().toColourspace('cmyk').jpeg().toBuffer();
    await expect(read(cmyk)).rejects.toThrow('expected a gray or RGB image, found colour space cmyk');
  });

  it('leaves a gamma chunk alone', async () => {
    const gamma = { type: 'gAMA', data: [0, 0, 0x80, 0] };
    const image = await read(pngBytes(1, 1, 8, PNG_COLOR.gray, [[100]], [gamma]));
    expectClose(image.data, [100 / 255], 1e-7);
  });
});

describe('readGrayImage: bad files', () => {
  const where = { patient: 'ID_1', slice: '1_0.jpg', row: 7 };
  const refused = async (bytes: Uint8Array, message: RegExp) => {
    const error: unknown = await read(bytes, { where }).then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(DataError);
    expect((error as DataError).message).toMatch(message);
    expect((error as DataError).message).toMatch(/file .*image, patient ID_1, slice 1_0\.jpg, row 7/);
  };

  it('refuses an empty file', () => refused(new Uint8Array(), /image file is empty/));
  it('refuses a text', () => refused(Buffer.from('GIF or not'), /neither a JPEG nor a PNG/));
  it('refuses other picture kinds', async () => {
    const picture = sharp(flatPng(8, 8, 100));
    await refused(await picture.clone().webp().toBuffer(), /neither a JPEG nor a PNG/);
    await refused(await picture.clone().tiff().toBuffer(), /neither a JPEG nor a PNG/);
    await refused(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), /neither a JPEG nor a PNG/);
  });
  it.each([0.3, 0.9, 0.99])('refuses a JPEG cut at %d of its length', async (part) => {
    const bytes = await jpeg();
    await refused(bytes.subarray(0, Math.floor(bytes.length * part)), /damaged or truncated.*premature end/);
  });
  it.each([0.5, 0.95])('refuses a PNG cut at %d of its length', async (part) => {
    const bytes = await sharp(await jpeg())
      .png()
      .toBuffer();
    await refused(bytes.subarray(0, Math.floor(bytes.length * part)), /damaged or truncated/);
  });
  it('refuses a PNG with a wrong checksum in its pixels', async () => {
    const bytes = flatPng(64, 64, 9);
    const at = bytes.indexOf('IDAT') + 12;
    bytes[at] = bytes[at]! ^ 0xff;
    await refused(bytes, /damaged or truncated/);
  });
  it('refuses a bomb by its header', async () => {
    await refused(pngBytes(60_000, 60_000, 8, PNG_COLOR.gray, [[0]]), /more than 64000000 pixels/);
  });
  it('refuses CMYK', async () => {
    const bytes = await sharp(flatPng(8, 8, 100))
      .toColourspace('cmyk')
      .jpeg()
      .toBuffer();
    await refused(bytes, /gray or RGB image, found colour space cmyk/);
  });

  it('keeps to maxPixels', async () => {
    expect((await read(flatPng(4, 4, 1), { maxPixels: 16 })).width).toBe(4);
    await expect(read(flatPng(4, 4, 1), { maxPixels: 15 })).rejects.toThrow(/more than 15 pixels/);
    await expect(read(flatPng(4, 4, 1), { maxPixels: 0 })).rejects.toThrow(ArgumentError);
  });

  it('refuses a missing file, a folder and a pipe', async () => {
    const folder = await temporaryFolder();
    await expect(readGrayImage(join(folder, 'no.jpg'))).rejects.toThrow(/cannot be read.*ENOENT.*no\.jpg/);
    await expect(readGrayImage(folder)).rejects.toThrow(/expected an image file, found something else/);
    if (process.platform === 'win32') return;
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    await expect(readGrayImage(join(folder, 'pipe'))).rejects.toThrow(/found something else/);
  });
});
