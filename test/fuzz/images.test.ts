import { crc32, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { DataError } from '../../src/base/errors';
import { decodeGrayImage } from '../../src/node/files/image_file';
import { flatPng, PNG_COLOR, pngBytes } from '../support/png';
import { joinBytes } from '../support/dicom_bytes';
import { fuzz, growthOf, itHasReadAll, MUTANTS, watched } from './fuzz';
import { byteChanges, changeBytes, mutantsOf } from './mutations';

watched('images');

const MIB = 2 ** 20;
const files: Record<string, Uint8Array> = {};
const NAMES = [
  'gray.png', 'gray16.png', 'rgb.png', 'rgb16.png', 'alpha.png', 'palette.png', 'bits.png', 'interlaced.png',
  'baseline.jpg', 'progressive.jpg', 'colour.jpg', 'tagged.jpg',
]; // prettier-ignore
const PNGS = NAMES.filter((name) => name.endsWith('.png'));
const TOKENS = ['IHDR', 'IDAT', 'IEND', 'PLTE', 'acTL', 'zTXt', '\0\0\0\0', 'JFIF', 'Exif\0\0'];

beforeAll(async () => {
  const rows = (length: number) =>
    Array.from({ length: 12 }, (_, y) => Array.from({ length }, (_, x) => (x * 37 + y * 101) % 256));
  const palette = { type: 'PLTE', data: Array.from({ length: 768 }, (_, i) => i % 256) };
  files['gray.png'] = pngBytes(16, 12, 8, PNG_COLOR.gray, rows(16));
  files['gray16.png'] = pngBytes(16, 12, 16, PNG_COLOR.gray, rows(32));
  files['rgb.png'] = pngBytes(16, 12, 8, PNG_COLOR.rgb, rows(48));
  files['rgb16.png'] = pngBytes(16, 12, 16, PNG_COLOR.rgb, rows(96));
  files['alpha.png'] = pngBytes(16, 12, 8, PNG_COLOR.rgba, rows(64));
  files['palette.png'] = pngBytes(16, 12, 8, PNG_COLOR.palette, rows(16), [palette]);
  files['bits.png'] = pngBytes(16, 12, 1, PNG_COLOR.gray, rows(2));
  const picture = sharp(Buffer.from(rows(48).flat()), { raw: { width: 16, height: 12, channels: 3 } });
  const gray = () => picture.clone().toColourspace('b-w');
  files['interlaced.png'] = await gray().png({ progressive: true }).toBuffer();
  files['baseline.jpg'] = await gray().jpeg().toBuffer();
  files['progressive.jpg'] = await gray().jpeg({ progressive: true }).toBuffer();
  files['colour.jpg'] = await picture.clone().jpeg({ chromaSubsampling: '4:2:0' }).toBuffer();
  files['tagged.jpg'] = await picture
    .clone()
    .withExif({ IFD0: { Copyright: 'x' } })
    .jpeg({ restartInterval: 1 } as never)
    .toBuffer();
  expect(Object.keys(files).sort()).toEqual([...NAMES].sort());
});

async function read(bytes: Uint8Array): Promise<void> {
  const { data, height, width } = await decodeGrayImage(bytes, { where: { file: 'changed.png' } });
  expect(data).toHaveLength(height * width);
  expect(data.every((value) => value >= 0 && value <= 1)).toBe(true);
}

const sources = () => Object.values(files);

describe('decodeGrayImage', () => {
  it('of changed bytes', async () => {
    const { accepted } = await fuzz({
      mutants: mutantsOf(NAMES, byteChanges(TOKENS)),
      count: MUTANTS.images * 0.6,
      read: ({ source, changes }) => read(changeBytes(files[source]!, changes, sources())),
      refusal: DataError,
      names: 'changed.png',
    });
    expect(accepted).toBeGreaterThan(0);
  });

  it('of PNG chunks that are changed, with the right checksums', async () => {
    const { accepted } = await fuzz({
      mutants: fc.record({
        source: fc.constantFrom(...PNGS),
        chunk: fc.nat(4),
        changes: byteChanges(TOKENS, 2),
      }),
      count: MUTANTS.images * 0.4,
      read: ({ source, chunk, changes }) => {
        const chunks = chunksOf(files[source]!);
        const one = chunks[chunk % chunks.length]!;
        one.data = changeBytes(one.data, changes, sources());
        return read(png(chunks));
      },
      refusal: DataError,
      names: 'changed.png',
    });
    expect(accepted).toBeGreaterThan(0);
  });

  it('of headers that lie about sizes allocates nothing', async () => {
    const lies: Uint8Array[] = [];
    for (const size of [60_000, 65_535, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 0]) {
      for (const [width, height] of [[size, size], [size, 1], [1, size]] as const) {
        for (const bits of [1, 8, 16]) {
          const chunks = chunksOf(flatPng(4, 4, 1));
          const header = new DataView(chunks[0]!.data.buffer);
          header.setUint32(0, width);
          header.setUint32(4, height);
          header.setUint8(8, bits);
          lies.push(png(chunks));
        }
      }
    } // prettier-ignore
    for (const name of ['baseline.jpg', 'progressive.jpg', 'colour.jpg']) {
      for (const [width, height] of [[65_535, 65_535], [0, 0], [65_500, 900], [8000, 8000]] as const) {
        const bytes = new Uint8Array(files[name]!);
        const at = startOfFrame(bytes);
        new DataView(bytes.buffer).setUint16(at + 5, height);
        new DataView(bytes.buffer).setUint16(at + 7, width);
        lies.push(bytes);
      }
    } // prettier-ignore
    const growth = await growthOf(async () => {
      for (const bytes of lies) await expect(read(bytes)).rejects.toThrow(DataError);
    });
    expect(growth).toBeLessThan(400 * MIB);
  });

  it('of bombs in chunks that nobody needs allocates little', async () => {
    const bomb = deflateSync(new Uint8Array(512 * MIB), { level: 9 });
    const text = new TextEncoder().encode('Comment\0\0');
    for (const [type, before] of [['zTXt', text], ['iCCP', new TextEncoder().encode('icc\0\0')], ['iTXt', new TextEncoder().encode('Comment\0\u0001\0\0\0')]] as const) {
      const [header, ...rest] = chunksOf(flatPng(4, 4, 1));
      const bytes = png([header!, { type, data: joinBytes(before, bomb) }, ...rest]);
      const growth = await growthOf(() => read(bytes).catch((error: unknown) => expect(error).toBeInstanceOf(DataError)));
      expect(growth, type).toBeLessThan(256 * MIB);
    } // prettier-ignore
    // more pixels than the header says
    const chunks = chunksOf(flatPng(4, 4, 1));
    chunks[1]!.data = bomb;
    const growth = await growthOf(() =>
      read(png(chunks)).catch((error: unknown) => expect(error).toBeInstanceOf(DataError)),
    );
    expect(growth).toBeLessThan(256 * MIB);
  });
});

itHasReadAll('images');

interface Chunk {
  type: string;
  data: Uint8Array;
}

function chunksOf(bytes: Uint8Array): Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: Chunk[] = [];
  for (let at = 8; at < bytes.length;) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    chunks.push({ type, data: new Uint8Array(bytes.subarray(at + 8, at + 8 + length)) });
    at += 12 + length;
  }
  return chunks;
}

function png(chunks: readonly Chunk[]): Uint8Array {
  const parts = chunks.map(({ type, data }) => {
    const body = joinBytes(new TextEncoder().encode(type), data);
    const ends = new DataView(new ArrayBuffer(8));
    ends.setUint32(0, data.length);
    ends.setUint32(4, crc32(body));
    return joinBytes(new Uint8Array(ends.buffer, 0, 4), body, new Uint8Array(ends.buffer, 4, 4));
  });
  return joinBytes(Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a), ...parts);
}

/** Where a JPEG's frame header begins. */
function startOfFrame(bytes: Uint8Array): number {
  const at = bytes.findIndex((byte, i) => byte === 0xff && [0xc0, 0xc2].includes(bytes[i + 1]!));
  expect(at).toBeGreaterThan(0);
  return at;
}
