import { describe, expect, it } from 'vitest';
import { DataError } from '../../../src/base/errors';
import { parseDicomHeader } from '../../../src/dicom/dicom_header';
import { decodeDicomSlice, type DecodeDicomOptions } from '../../../src/dicom/pixels/decode_slice';
import { ctSlice, dicomBytes, joinBytes, type CtSlice, type DicomElements } from '../../support/dicom_bytes';

const where = { file: 'slice.dcm' };
const decode = (slice: CtSlice, options: DecodeDicomOptions = {}) =>
  decodeDicomSlice(dicomBytes(ctSlice(slice)), where, options);
const kinds = ({ header, problems }: Awaited<ReturnType<typeof decode>>) =>
  [...header.problems, ...problems].map(({ kind, severity }) => `${kind} ${severity}`);

describe('the unit of values', () => {
  it.each(['MGML', 'Z_EFF', 'ED', 'PCT', 'OD', 'HU_MOD'])('is refused as %s (case 06)', async (type) => {
    const elements = { '0028,1054': ['LO', type] } as const;
    await expect(decode({ elements })).rejects.toThrow(DataError);
    await expect(decode({ elements })).rejects.toThrow(`RescaleType is "${type}", expected HU`);
    const allowed = await decode({ elements }, { allow: ['not-hu'] });
    expect(kinds(allowed)).toEqual(['not-hu error']);
    expect(allowed.hu[0]).toBe(-1000);
  });

  it('is HU by name or without, and unknown as US', async () => {
    for (const type of ['HU', 'hu ', 'Hounsfield Units', '']) {
      expect(kinds(await decode({ elements: { '0028,1054': ['LO', type] } })), type).toEqual([]);
    }
    expect(kinds(await decode({ elements: { '0028,1054': ['LO', 'US'] } }))).toEqual([
      'unknown-unit warning',
    ]);
  });

  it('is not HU in another modality', async () => {
    const elements = { '0008,0060': ['CS', 'PT'] } as const;
    await expect(decode({ elements })).rejects.toThrow(/Modality is PT, expected CT.*allow: \['not-ct'\]/);
    expect(kinds(await decode({ elements: { '0008,0060': undefined } }))).toEqual(['missing-value warning']);
  });

  it('refuses names of problems that are none', async () => {
    await expect(decode({}, { allow: ['not_hu' as never] })).rejects.toThrow("did you mean 'not-hu'?");
  });
});

describe('ModalityLUTSequence', () => {
  const table = (values: readonly number[], first: number, type = 'HU', bits = 16): DicomElements => ({
    '0028,1052': undefined,
    '0028,1053': undefined,
    '0028,3000': [
      'SQ',
      [
        {
          '0028,3002': ['US', [values.length, first, bits]],
          '0028,3004': ['LO', type],
          '0028,3006': ['OW', values],
        },
      ],
    ],
  });
  const stored = [-5, -2, -1, 0, 1, 2, 3, 4, 5, 9, 30_000, -30_000];

  it('gives what apply_modality_lut of pydicom gives: the ends go on', async () => {
    const { hu, ...rest } = await decode({ stored, elements: table([10, 20, 40, 80], 65_535) });
    // first is -1 where pixels are signed
    expect([...hu]).toEqual([10, 10, 10, 20, 40, 80, 80, 80, 80, 80, 80, 10]);
    expect(kinds(rest as never)).toEqual(['modality-lut warning']);
  });

  it('is refused in another unit, or with another number of values than it says', async () => {
    await expect(decode({ stored, elements: table([1, 2], 0, 'OD') })).rejects.toThrow(
      'ModalityLUTType is "OD"',
    );
    const short = table([1, 2, 3], 0);
    (short['0028,3000']![1] as DicomElements[])[0]!['0028,3002'] = ['US', [4, 0, 16]];
    await expect(decode({ stored, elements: short })).rejects.toThrow(
      /has 3 values, but its descriptor states 4.*slice\.dcm/,
    );
  });
});

describe('a rescale', () => {
  it('may be given twice with one value, not with two', async () => {
    expect((await decode({ elements: { '0028,1052': ['DS', ['-24', '-24']] } })).hu[0]).toBe(-1024);
    await expect(decode({ elements: { '0028,1052': ['DS', ['-24', '0']] } })).rejects.toThrow(
      /RescaleIntercept is "-24\\\\0", expected one number/,
    );
  });

  it('whose element comes twice is refused where the values differ', async () => {
    const whole = dicomBytes(ctSlice());
    const encoded = (text: string) =>
      joinBytes(
        Uint8Array.of(0x28, 0, 0x52, 0x10, 0x44, 0x53, text.length, 0),
        new TextEncoder().encode(text),
      );
    const at = whole.findIndex((_, i) => encoded('0 ').every((byte, j) => whole[i + j] === byte));
    expect(at).toBeGreaterThan(132);
    const twice = (text: string) => joinBytes(whole.subarray(0, at), encoded(text), whole.subarray(at));
    expect((await decodeDicomSlice(twice('0 '))).hu[0]).toBe(-1000);
    await expect(decodeDicomSlice(twice('-1024 '))).rejects.toThrow(/\(0028,1052\) is given twice/);
  });
});

describe('twelve unsigned bits without an offset', () => {
  // a head of air, water, brain, bone and metal, stored as signed values and read as unsigned ones
  const hu = [-1000, -1000, -900, -100, 0, 40, 80, 900, 2000, -1, -1000, -500];
  const stored = hu.map((value) => (value + 4096) % 4096);

  it.each([0, 1])('have wrapped, and are unwrapped: intercept %d (case 13)', async (intercept) => {
    const read = await decode({ stored, bitsStored: 12, signed: false, intercept });
    expect([...read.hu]).toEqual(hu);
    expect(kinds(read)).toEqual(['implausible-rescale warning', 'wrapped-values warning']);
  });

  it('are left alone where nothing has wrapped', async () => {
    const dense = stored.map((value) => value % 3000);
    expect([...(await decode({ stored: dense, bitsStored: 12, signed: false, intercept: 1 })).hu]).toEqual(
      dense.map((value) => value + 1),
    );
    const offset = await decode({ stored, bitsStored: 12, signed: false, intercept: -1024 });
    expect([...offset.hu]).toEqual(stored.map((value) => value - 1024));
  });
});

describe('padding that no tag names', () => {
  const stored = [63_536, 63_536, ...Array.from({ length: 10 }, (_, i) => 1000 + i)];
  const slice = { stored, signed: false, intercept: -1024 };

  it('is one value that nothing has, and becomes air where that is asked for', async () => {
    const kept = await decode(slice);
    expect(kept.hu[0]).toBe(62_512);
    expect(kept.problems).toMatchObject([
      { kind: 'pixel-padding', pixels: 2, message: /62512 HU.*no PixelPaddingValue/ },
    ]);
    const air = await decode(slice, { padding: 'air' });
    expect([...air.hu.slice(0, 3)]).toEqual([-1000, -1000, -24]);
  });

  it('is an error where there are several such values', async () => {
    const signed = { ...slice, stored: stored.map((value, i) => (i < 2 ? value + i : value)) };
    await expect(decode(signed)).rejects.toThrow(/beyond 32000 HU, up to 62513.*allow: \['implausible-hu'\]/);
    expect((await decode(signed, { allow: ['implausible-hu'] })).hu[1]).toBe(62_513);
  });
});

describe('enhanced CT', () => {
  const group = (intercept: string, type = 'HU'): DicomElements => ({
    '0028,9145': [
      'SQ',
      [{ '0028,1052': ['DS', intercept], '0028,1053': ['DS', '1'], '0028,1054': ['LO', type] }],
    ],
  });
  const place = (z: number): DicomElements => ({
    '0020,9113': ['SQ', [{ '0020,0032': ['DS', ['-1', '-2', String(z)]] }]],
  });
  const enhanced = (
    shared: DicomElements,
    frames: readonly DicomElements[],
    more: DicomElements = {},
  ): CtSlice => ({
    rows: 2,
    columns: 2,
    elements: {
      '0008,0016': ['UI', '1.2.840.10008.5.1.4.1.1.2.1'],
      '0020,0032': undefined,
      '0020,0037': undefined,
      '0028,0030': undefined,
      '0028,1052': undefined,
      '0028,1053': undefined,
      '0028,0008': ['IS', String(frames.length)],
      '5200,9229': [
        'SQ',
        [
          {
            '0020,9116': ['SQ', [{ '0020,0037': ['DS', ['1', '0', '0', '0', '1', '0']] }]],
            '0028,9110': ['SQ', [{ '0018,0050': ['DS', '5'], '0028,0030': ['DS', ['0.5', '0.4']] }]],
            ...shared,
          },
        ],
      ],
      '5200,9230': ['SQ', frames],
      '7fe0,0010': ['OW', Array.from({ length: 4 * frames.length }, (_, i) => i)],
      ...more,
    },
  });

  it('of one frame has the rescale of its functional groups (case 04)', async () => {
    for (const slice of [
      enhanced(group('-1024'), [place(7)]),
      enhanced({}, [{ ...place(7), ...group('-1024') }]),
    ]) {
      const { hu, header, problems } = await decode(slice);
      expect([...hu]).toEqual([-1024, -1023, -1022, -1021]);
      expect([...header.problems, ...problems]).toEqual([]);
      expect(header).toMatchObject({
        imagePosition: [-1, -2, 7],
        pixelSpacing: [0.5, 0.4],
        sliceThickness: 5,
      });
      expect(header.imageOrientation).toEqual([[1, 0, 0], [0, 1, 0]]); // prettier-ignore
    }
  });

  it('is reported where a plain CT file has its rescale there (case 28)', async () => {
    const plain = enhanced(group('-1024'), [place(7)], { '0008,0016': ['UI', '1.2.840.10008.5.1.4.1.1.2'] });
    const { hu, header, problems } = await decode(plain);
    expect([...hu]).toEqual([-1024, -1023, -1022, -1021]);
    const kinds = [...header.problems, ...problems].map(({ kind, severity }) => `${kind} ${severity}`);
    expect(new Set(kinds)).toEqual(new Set(['missing-rescale warning']));
  });

  it('of several frames is read frame by frame, each with its own rescale', async () => {
    const slice = enhanced({}, [
      { ...place(0), ...group('-1024') },
      { ...place(5), ...group('-1000') },
    ]);
    const second = await decode(slice, { frame: 1 });
    expect([...second.hu]).toEqual([-996, -995, -994, -993]);
    expect(second.header.imagePosition).toEqual([-1, -2, 5]);
    expect(parseDicomHeader(dicomBytes(ctSlice(slice))).pixels.frames).toBe(2);
    await expect(decode(slice)).rejects.toThrow(/has 2 frames, expected one of 0\.\.1 as frame/);
    await expect(decode(slice, { frame: 2 })).rejects.toThrow(/has 2 frames/);
  });

  it('without a rescale, in another unit, or with two of them is refused', async () => {
    await expect(decode(enhanced({}, [place(0)]))).rejects.toThrow(/has no PixelValueTransformationSequence/);
    await expect(decode(enhanced(group('0', 'Z_EFF'), [place(0)]))).rejects.toThrow(/RescaleType is "Z_EFF"/);
    const twice = enhanced(group('-1024'), [place(0)], { '0028,1052': ['DS', '0'] });
    await expect(decode(twice)).rejects.toThrow(
      /RescaleIntercept is -1024 in a functional group, but 0 at the top level/,
    );
  });

  it('with fewer groups than frames is refused', async () => {
    const slice = enhanced(group('-1024'), [place(0)], {
      '0028,0008': ['IS', '2'],
      '7fe0,0010': ['OW', Array<number>(8).fill(1)],
    });
    await expect(decode(slice, { frame: 1 })).rejects.toThrow(
      /NumberOfFrames is 2, expected 1, the items of/,
    );
  });
});
