import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../../src/base/errors';
import { decodeDicomSlice } from '../../../src/dicom/pixels/decode_slice';
import { ctSlice, dicomBytes, joinBytes, type CtSlice } from '../../support/dicom_bytes';

const SYNTAX = {
  rle: '1.2.840.10008.1.2.5',
  baseline: '1.2.840.10008.1.2.4.50',
  lossless: '1.2.840.10008.1.2.4.70',
  ls: '1.2.840.10008.1.2.4.80',
  j2k: '1.2.840.10008.1.2.4.90',
};
const EMPTY = new Uint8Array();

const decode = (kind: keyof typeof SYNTAX, fragments: readonly Uint8Array[], slice: CtSlice = {}) => {
  const elements = { '7fe0,0010': ['OB', { fragments }] } as const;
  return decodeDicomSlice(dicomBytes(ctSlice({ ...slice, elements }), SYNTAX[kind]), { file: 'a.dcm' });
};

/** The codestream in a file that dcmtk or gdcm wrote, which has one fragment. */
function codestream(name: string): Uint8Array {
  const file = new Uint8Array(readFileSync(new URL(`../../golden/dicom/${name}.dcm`, import.meta.url)));
  const start = file.findIndex((byte, i) => byte === 0xff && [0xd8, 0x4f].includes(file[i + 1]!) && i > 132);
  return file.slice(start, file.length - 8);
}
const size = { rows: 40, columns: 48 };
/** The codestream with other bytes after the first marker `ff xx`. */
function changed(name: string, marker: number, offset: number, ...bytes: number[]): Uint8Array {
  const stream = codestream(name);
  const at = stream.findIndex((byte, i) => byte === 0xff && stream[i + 1] === marker);
  expect(at).toBeGreaterThan(-1);
  stream.set(bytes, at + offset);
  return stream;
}

/** An RLE frame of these segments. */
function rle(...segments: readonly number[][]): Uint8Array {
  const header = new DataView(new ArrayBuffer(64));
  header.setUint32(0, segments.length, true);
  let start = 64;
  segments.forEach((segment, i) => {
    header.setUint32(4 * (i + 1), start, true);
    start += segment.length;
  });
  return joinBytes(new Uint8Array(header.buffer), ...segments.map((segment) => Uint8Array.from(segment)));
}

describe('fragments of pixels', () => {
  const run = rle([0xf5, 1], [0xf5, 2]); // twelve times 1, twelve times 2

  it('are joined, with and without offset table', async () => {
    for (const table of [EMPTY, new Uint8Array(4)]) {
      for (const cut of [2, 40, 64, 66]) {
        const { hu } = await decode('rle', [table, run.subarray(0, cut), run.subarray(cut)]);
        expect([...hu]).toEqual(Array(12).fill(0x102));
      }
    }
  });

  it('must be there, where the syntax has them, and only there', async () => {
    await expect(decode('rle', [])).rejects.toThrow(/no fragment/);
    await expect(decode('rle', [EMPTY])).rejects.toThrow(/no fragment/);
    const plain = dicomBytes(ctSlice(), SYNTAX.rle);
    await expect(decodeDicomSlice(plain)).rejects.toThrow(/one piece.*RLE/);
    const elements = { '7fe0,0010': ['OB', { fragments: [EMPTY, run] }] } as const;
    await expect(decodeDicomSlice(dicomBytes(ctSlice({ elements })))).rejects.toThrow(
      /in fragments.*Explicit/,
    );
  });
});

describe('RLE', () => {
  it('has literal runs, repeated runs and bytes that do nothing', async () => {
    const { hu } = await decode('rle', [EMPTY, rle([0x80, 0xfd, 7, 0x80, 3, 1, 2, 3, 4, 0xfd, 9, 0, 0])], {
      bitsAllocated: 8,
      signed: false,
    });
    expect([...hu]).toEqual([7, 7, 7, 7, 1, 2, 3, 4, 9, 9, 9, 9]);
  });

  it.each([
    ['no header', new Uint8Array(60), /shorter than its header/],
    ['one segment for two bytes', rle([0xf5, 1]), /1 segments, expected 2/],
    ['a segment before the header ends', rle([0xf5, 1], [0xf5, 2]).fill(63, 4, 5), /segment 1.*byte 63/],
    ['a segment beyond the frame', rle([0xf5, 1], [0xf5, 2]).fill(69, 8, 9), /segment 2.*byte 69/],
    ['segments in the wrong order', rle([0xf5, 1], [0xf5, 2]).fill(67, 4, 5), /segment 1.*byte 67/],
    ['too few pixels', rle([0xf6, 1], [0xf5, 2]), /ends too early/],
    ['too many pixels', rle([0xf4, 1], [0xf5, 2]), /beyond the image/],
    ['a literal run that is cut', rle([11, 1, 2, 3], [0xf5, 2]), /beyond the image or its segment/],
    ['an empty segment', rle([], [0xf5, 2]), /too short/],
  ])('is refused with %s', async (_, frame, message) => {
    await expect(decode('rle', [EMPTY, frame])).rejects.toThrow(message);
    await expect(decode('rle', [EMPTY, frame])).rejects.toThrow(DataError);
  });

  it('allocates nothing for a frame that is too short', async () => {
    const slice = { rows: 4000, columns: 4000, stored: [] };
    await expect(decode('rle', [EMPTY, rle([0xf5, 1], [0xf5, 2])], slice)).rejects.toThrow(/too short/);
  });
});

describe('a codestream', () => {
  const byte8 = { ...size, bitsAllocated: 8, signed: false };

  it.each([
    [
      'of another size',
      'lossless',
      codestream('jpeg_lossless_sv1'),
      { rows: 48, columns: 40 },
      /40 x 48.*48 x 40/,
    ],
    ['of more bits', 'lossless', codestream('jpeg_lossless_sv1'), byte8, /12 bits|16 bits/],
    ['of colour', 'baseline', changed('jpeg_baseline', 0xc0, 9, 3), byte8, /3 components/],
    ['without end', 'baseline', codestream('jpeg_baseline').slice(0, -4), byte8, /no end marker/],
    ['of another kind', 'baseline', codestream('jpeg_2000_90_8'), byte8, /not start with SOI/],
    ['of another process', 'lossless', codestream('jpeg_baseline'), byte8, /another JPEG process/],
    [
      'that is progressive',
      'baseline',
      changed('jpeg_baseline', 0xc0, 1, 0xc2),
      byte8,
      /another JPEG process/,
    ],
    [
      'with 12-bit samples',
      'baseline',
      codestream('jpeg_extended_12'),
      size,
      /12 bits, but the decoder supports 8/,
    ],
    ['with a point transform', 'lossless', changed('jpeg_lossless_sv1', 0xda, 9, 1), size, /point transform/],
    ['without markers', 'ls', changed('jpeg_ls_80', 0xd8, 2, 1), size, /no marker/],
    ['of segments without length', 'ls', changed('jpeg_ls_80', 0xf7, 1, 0xe0, 0, 0), size, /no length/],
    ['that is damaged', 'ls', changed('jpeg_ls_80', 0xda, 4, 9), size, /cannot be decoded: ./],
    ['that is not JPEG 2000', 'j2k', codestream('jpeg_ls_80'), size, /SOC and SIZ/],
    ['of a larger size', 'j2k', changed('jpeg_2000_90', 0x51, 6, 0, 1, 0, 0), size, /40 x 65536/],
    ['of several components', 'j2k', changed('jpeg_2000_90', 0x51, 38, 0, 3), size, /3 components/],
    ['that is subsampled', 'j2k', changed('jpeg_2000_90', 0x51, 41, 2, 2), size, /subsampled/],
    ['that is very short', 'j2k', Uint8Array.of(0xff, 0x4f, 0xff, 0x51, 0xff, 0xd9), size, /ends too early/],
  ] as [string, keyof typeof SYNTAX, Uint8Array, CtSlice, RegExp][])(
    '%s is refused',
    async (_, kind, stream, slice, message) => {
      await expect(decode(kind, [EMPTY, stream], { ...slice, stored: [] })).rejects.toThrow(message);
      await expect(decode(kind, [EMPTY, stream], { ...slice, stored: [] })).rejects.toThrow(DataError);
    },
  );

  it('with restart intervals is refused where the decoder fails on them', async () => {
    const stream = codestream('jpeg_lossless_sv1');
    const restart = Uint8Array.of(0xff, 0xdd, 0, 4, 0, 48);
    const withRestart = joinBytes(stream.subarray(0, 2), restart, stream.subarray(2));
    await expect(decode('lossless', [EMPTY, withRestart], size)).rejects.toThrow(/restart intervals/);
  });

  it('of lossless JPEG whose scan is cut is told by reading beyond it', async () => {
    const stream = codestream('jpeg_lossless_sv1');
    const cut = joinBytes(stream.subarray(0, stream.length / 2), Uint8Array.of(0xff, 0xd9));
    await expect(decode('lossless', [EMPTY, cut], size)).rejects.toThrow(DataError);
  });

  it('may be followed by a byte that makes its length even', async () => {
    const stream = codestream('jpeg_baseline');
    const end = stream.lastIndexOf(0xd9) + 1;
    const { hu } = await decode('baseline', [EMPTY, stream.slice(0, end)], byte8);
    for (const padding of [0, 0xff]) {
      const padded = joinBytes(stream.slice(0, end), Uint8Array.of(padding));
      expect((await decode('baseline', [EMPTY, padded], byte8)).hu).toEqual(hu);
    }
  });

  it('of fewer bits or another sign than the file says is reported', async () => {
    const signed = await decode('j2k', [EMPTY, codestream('jpeg_2000_90')], { ...size, signed: true });
    expect(signed.problems.map(({ kind }) => kind)).toEqual(['codestream-mismatch']);
    const wide = await decode('lossless', [EMPTY, codestream('jpeg_lossless_70_8')], {
      ...size,
      signed: false,
    });
    expect(wide.problems.map(({ kind }) => kind)).toEqual(['codestream-mismatch']);
  });
});
