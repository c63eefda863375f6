import fc from 'fast-check';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ArgumentError, DataError } from '../../../src/base/errors';
import { decodeDicomSlice } from '../../../src/dicom/pixels/decode_slice';
import { parseDicomHeader } from '../../../src/dicom/dicom_header';
import {
  ctSlice,
  dicomBytes,
  encode,
  EXPLICIT,
  IMPLICIT,
  joinBytes,
  type CtSlice,
  type DicomElements,
} from '../../support/dicom_bytes';

const where = { file: 'slice.dcm' };
const decode = (slice: CtSlice = {}, syntax?: string, options = {}) =>
  decodeDicomSlice(dicomBytes(ctSlice(slice), syntax), where, options);
const kindsOf = async (slice: CtSlice) => {
  const { header, problems } = await decode(slice, EXPLICIT, { allow: ['not-ct', 'implausible-hu'] });
  return [...header.problems, ...problems].map(({ kind }) => kind);
};

/** A slice's data set, deflated as the syntax for that asks. */
function deflated(elements: Uint8Array): Uint8Array {
  const empty = dicomBytes({}, '1.2.840.10008.1.2.1.99');
  return joinBytes(empty, deflateRawSync(elements));
}

describe('decodeDicomSlice', () => {
  it('equals the definition for any bits, sign, slope and intercept', async () => {
    const formats = fc.record({
      bitsAllocated: fc.constantFrom(8, 16),
      bitsStored: fc.integer({ min: 1, max: 16 }),
      shift: fc.integer({ min: 0, max: 8 }),
      signed: fc.boolean(),
      slope: fc.constantFrom(1, 0.5, 2.25, -1, 1e-3),
      intercept: fc.integer({ min: -9000, max: 9000 }),
      syntax: fc.constantFrom(IMPLICIT, EXPLICIT),
      seed: fc.array(fc.nat(65535), { minLength: 12, maxLength: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(
        formats,
        async ({ bitsAllocated, shift, signed, slope, intercept, syntax, seed, ...rest }) => {
          const bitsStored = Math.min(rest.bitsStored, bitsAllocated);
          const highBit = Math.min(bitsStored - 1 + shift, bitsAllocated - 1);
          const below = highBit + 1 - bitsStored;
          const values = seed.map((n) => (n % 2 ** bitsStored) - (signed ? 2 ** (bitsStored - 1) : 0));
          // what is beside the stored bits must not matter
          const noise = seed.map((n) => n & (below === 0 ? 0 : 1));
          const stored = values.map(
            (value, i) => ((value * 2 ** below) & (2 ** (highBit + 1) - 1)) | noise[i]!,
          );
          const slice = { stored, bitsAllocated, bitsStored, highBit, signed, slope, intercept };
          fc.pre(signed || bitsStored !== 12 || Math.abs(intercept) >= 100); // values that may have wrapped
          const { hu } = await decode(slice, syntax, { allow: ['implausible-hu'] });
          expect([...hu]).toEqual(values.map((value) => Math.fround(value * slope + intercept)));
        },
      ),
    );
  });

  it('takes what is missing from the rescale as nothing, and says so', async () => {
    const { hu, header } = await decode({ elements: { '0028,1052': undefined, '0028,1053': ['DS', ''] } });
    expect([...hu.slice(0, 2)]).toEqual([-1000, 40]);
    expect(header.problems.map(({ kind }) => kind)).toEqual(['missing-rescale', 'missing-rescale']);
    expect(header.pixels).toMatchObject({ rescaleSlope: 1, rescaleIntercept: 0 });
  });

  it.each([
    ['a slope of 0', { '0028,1053': ['DS', '0'] }, /RescaleSlope is 0/],
    ['a slope that is no number', { '0028,1053': ['DS', 'one'] }, /RescaleSlope is "one"/],
    ['an infinite slope', { '0028,1053': ['DS', '1e999'] }, /RescaleSlope/],
    ['a slope beyond float32', { '0028,1053': ['DS', '1e38'] }, /float32/],
    ['two slopes', { '0028,1053': ['DS', ['1', '2']] }, /RescaleSlope/],
    ['no rows', { '0028,0010': undefined }, /no Rows/],
    ['zero rows', { '0028,0010': ['US', [0]] }, /Rows x Columns/],
    ['rows of half an integer', { '0028,0010': ['US', Uint8Array.of()] }, /no Rows/],
    ['more rows than pixels', { '0028,0010': ['US', [65535]] }, /24 bytes, expected 524280/],
    ['32 bits', { '0028,0100': ['US', [32]] }, /BitsAllocated is 32/],
    ['more bits stored than allocated', { '0028,0101': ['US', [17]] }, /BitsStored is 17/],
    ['a high bit beyond', { '0028,0102': ['US', [16]] }, /HighBit is 16/],
    ['a strange sign', { '0028,0103': ['US', [2]] }, /PixelRepresentation is 2/],
    ['several frames', { '0028,0008': ['IS', '2'] }, /NumberOfFrames is 2.*functional groups/],
    ['no pixels', { '7fe0,0010': undefined }, /PixelData/],
    [
      'an object of another class',
      {
        '7fe0,0010': undefined,
        '0028,0010': undefined,
        '0008,0008': undefined,
        '0008,0016': ['UI', '1.2.840.10008.5.1.4.1.1.88.22'],
      },
      /no image/,
    ],
    ['colour', { '0028,0002': ['US', [3]], '7fe0,0010': ['OW', new Uint8Array(72)] }, /gray.*3 samples/],
    ['a palette', { '0028,0004': ['CS', 'PALETTE COLOR'] }, /gray.*PALETTE COLOR/],
  ] as [string, DicomElements, RegExp][])('refuses %s', async (_, elements, message) => {
    await expect(decode({ elements })).rejects.toThrow(message);
    await expect(decode({ elements })).rejects.toThrow(DataError);
    await expect(decode({ elements })).rejects.toThrow('slice.dcm');
  });

  it.each([
    ['1.2.840.10008.1.2.4.201', 'High-Throughput JPEG 2000'],
    ['1.2.3', 'unknown'],
    ['toString', 'unknown'],
  ])('refuses the syntax %s by its name', async (uid, name) => {
    await expect(decode({}, uid)).rejects.toThrow(new RegExp(`"${uid}" \\(${name}`));
  });

  it('reports headers that cannot be right', async () => {
    const rsna = { signed: false, bitsStored: 12, intercept: 1, stored: Array<number>(12).fill(3096) };
    expect(await kindsOf(rsna)).toEqual(['implausible-rescale', 'wrapped-values']);
    expect((await decode(rsna)).hu[0]).toBe(-1000);
    expect(await kindsOf({ ...rsna, intercept: -1024 })).toEqual([]);
    expect(await kindsOf({ slope: -1 })).toEqual(['implausible-rescale']);
    expect(await kindsOf({ slope: 1e6 })).toEqual(['implausible-rescale', 'implausible-hu']);
    expect(await kindsOf({ elements: { '0008,0060': ['CS', 'MR'] } })).toEqual(['not-ct']);
    expect(await kindsOf({ elements: { '0028,0004': ['CS', 'MONOCHROME1'] } })).toEqual(['monochrome1']);
    expect(await kindsOf({ elements: { '0020,0032': ['DS', ['0', 'x', '0']] } })).toEqual([
      'unreadable-value',
    ]);
    const wide = {
      bitsStored: 12,
      signed: false,
      intercept: -1024,
      stored: [0xf830, ...Array<number>(11).fill(0)],
    };
    expect(await kindsOf(wide)).toEqual(['bits-outside-stored']);
    const cut = { bitsStored: 12, stored: [0x0835, 0xf835, 5, ...Array<number>(9).fill(0)] };
    const negative = await decode(cut);
    expect([...negative.hu.slice(0, 3)]).toEqual([-1995, -1995, 5]);
    expect(negative.problems).toMatchObject([{ kind: 'bits-outside-stored', pixels: 1 }]);
    const long = { '7fe0,0010': ['OW', new Uint8Array(26)] } as const;
    expect(await kindsOf({ elements: long })).toEqual(['excess-pixel-data']);
  });

  it('keeps padding as pydicom does, or makes it air', async () => {
    const stored = [-2000, -1999, -1990, 0, 0, 0, 0, 0, 0, 0, 0, 5];
    const elements: DicomElements = { '0028,0120': ['SS', [-2000]], '0028,0121': ['SS', [-1995]] };
    for (const syntax of [EXPLICIT, IMPLICIT]) {
      const bytes = dicomBytes(ctSlice({ stored, elements }), syntax);
      const kept = await decodeDicomSlice(bytes);
      expect([...kept.hu]).toEqual(stored);
      expect(kept.problems).toMatchObject([{ kind: 'pixel-padding', pixels: 2 }]);
      const air = await decodeDicomSlice(bytes, {}, { padding: 'air' });
      expect([...air.hu]).toEqual([-1000, -1000, ...stored.slice(2)]);
    }
  });

  it('knows padding that is written with no regard to BitsStored, or to the sign', async () => {
    const stored = [63536, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const elements: DicomElements = { '0028,0120': ['US', [63536]] };
    const wide = dicomBytes(ctSlice({ stored, elements, signed: false, bitsStored: 12, intercept: -1024 }));
    const air = await decodeDicomSlice(wide, {}, { padding: 'air' });
    expect([...air.hu.slice(0, 2)]).toEqual([-1000, -1024]);
    expect(air.problems.map(({ kind }) => kind)).toEqual(['bits-outside-stored', 'pixel-padding']);
    const kept = await decodeDicomSlice(dicomBytes(ctSlice({ stored, elements })));
    expect(kept.hu[0]).toBe(-2000);
    expect(kept.problems).toMatchObject([{ kind: 'pixel-padding', pixels: 1 }]);
  });

  it('reads files without preamble, and deflated ones up to a bound', async () => {
    const elements = ctSlice();
    const expected = (await decode()).hu;
    for (const explicit of [true, false]) {
      expect((await decodeDicomSlice(encode(elements, explicit))).hu).toEqual(expected);
    }
    expect((await decodeDicomSlice(deflated(encode(elements, true)))).hu).toEqual(expected);
    const bomb = deflated(new Uint8Array(200e6));
    await expect(decodeDicomSlice(bomb, where)).rejects.toThrow(DataError);
    const cut = deflated(encode(elements, true)).subarray(0, -8);
    await expect(decodeDicomSlice(cut, where)).rejects.toThrow(DataError);
  });

  it('refuses a slice with more than maxPixels, and options that are none', async () => {
    const bytes = dicomBytes(ctSlice());
    await expect(decodeDicomSlice(bytes, where, { maxPixels: 11 })).rejects.toThrow(
      /3 x 4 pixels, more than 11/,
    );
    await expect(decodeDicomSlice(bytes, where, { maxPixels: 0 })).rejects.toThrow(ArgumentError);
    await expect(decodeDicomSlice(bytes, where, { padding: 'water' as never })).rejects.toThrow(
      ArgumentError,
    );
  });

  it('takes sequences nested too deep for a damaged file', async () => {
    // an item in a sequence in an item ..., all of undefined length
    const level = joinBytes(
      Uint8Array.of(0x08, 0, 0x40, 0x11, 0x53, 0x51, 0, 0, 255, 255, 255, 255),
      Uint8Array.of(0xfe, 0xff, 0, 0xe0, 255, 255, 255, 255),
    );
    const bytes = joinBytes(dicomBytes({}), ...Array<Uint8Array>(50_000).fill(level));
    await expect(decodeDicomSlice(bytes, where)).rejects.toThrow(/does not parse as DICOM/);
  });
});

describe('parseDicomHeader', () => {
  it('reads what is there and leaves out what is not', () => {
    const header = parseDicomHeader(
      dicomBytes(
        ctSlice({
          position: [-125, -120.5, 33.25],
          uid: 'ID_0123abcde',
          elements: {
            '0008,0005': ['CS', 'ISO_IR 192'],
            '0008,103e': ['LO', 'Schädel nativ'],
            '0018,1120': ['DS', '-18.5'],
            '0020,0013': ['IS', ' 7 '],
            '0028,1050': ['DS', ['00036', '00040', '']],
            '0028,1051': ['DS', ['00080', '00200']],
          },
        }),
      ),
    );
    expect(header).toMatchObject({
      sopInstanceUid: 'ID_0123abcde',
      seriesDescription: 'Schädel nativ',
      imagePosition: [-125, -120.5, 33.25],
      imageOrientation: [[1, 0, 0], [0, 1, 0]], // prettier-ignore
      pixelSpacing: [0.5, 0.4],
      gantryTilt: -18.5,
      instanceNumber: 7,
      windowCenter: [36, 40],
      windowWidth: [80, 200],
      problems: [],
    });
    expect(header.acquisitionNumber).toBeUndefined();
    expect(header.studyDescription).toBeUndefined();
  });

  it.each([
    ['ISO_IR 100', [0x53, 0x63, 0x68, 0xe4, 0x64, 0x65, 0x6c], 'Schädel'],
    ['ISO_IR 144', [0xb3, 0xde, 0xdb, 0xde, 0xd2, 0xd0], 'Голова'],
    ['ISO 2022 IR 100', [0xe9], 'é'],
    ['\\ISO 2022 IR 87', [0x1b, 0x24, 0x42, 0x46, 0x2c, 0x1b, 0x28, 0x42], '頭'],
    ['', [0xe4], 'ä'],
    ['ISO_IR 192', [0xe4], 'ä'],
    ['', [0xc3, 0xa4], 'ä'],
    ['of some other kind', [0xc3, 0xa4], 'ä'],
  ])('decodes text in the character set %j', (set, bytes, text) => {
    const elements: DicomElements = { '0008,0005': ['CS', set], '0008,103e': ['LO', Uint8Array.from(bytes)] };
    expect(parseDicomHeader(dicomBytes(ctSlice({ elements }))).seriesDescription).toBe(text);
  });

  it('needs the bytes up to the pixels only', () => {
    const bytes = dicomBytes(ctSlice());
    const beginning = bytes.subarray(0, bytes.length - 24);
    expect(parseDicomHeader(beginning)).toEqual(parseDicomHeader(bytes));
  });
});
