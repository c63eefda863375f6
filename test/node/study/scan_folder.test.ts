import fc from 'fast-check';
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ArgumentError, DataError } from '../../../src/base/errors';
import { readDicomHeader } from '../../../src/node/study/dicom_file';
import type { FileProgress } from '../../../src/node/files/file_bytes';
import { scanDicomFolder } from '../../../src/node/study/scan_folder';
import { ctSlice, dicomBytes, encode, joinBytes, type DicomElements } from '../../support/dicom_bytes';
import { temporaryFolder } from '../../support/folder';

/** A stack of slices at these heights, each file named by its place in the list. */
const stack = (heights: readonly number[], elements: (i: number) => DicomElements = () => ({})) =>
  Object.fromEntries(
    heights.map((z, i) => {
      const slice = ctSlice({ position: [0, 0, z], uid: `1.2.${z}.${i}`, elements: elements(i) });
      return [`${String(i).padStart(3, '0')}.dcm`, dicomBytes(slice)];
    }),
  );
const scan = async (files: Record<string, string | Uint8Array>) =>
  scanDicomFolder(await temporaryFolder(files));
const kindsOf = ({ problems }: { problems: readonly { kind: string }[] }) => problems.map(({ kind }) => kind);
const tilted = (degrees: number) => {
  const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return ['1', '0', '0', '0', c.toFixed(6), (-s).toFixed(6)];
};

describe('the order of slices', () => {
  it('is the one of positions, whatever names and instance numbers say', async () => {
    const heights = fc.uniqueArray(fc.integer({ min: -500, max: 500 }), { minLength: 2, maxLength: 8 });
    const orientations = fc.constantFrom(
      { orientation: ['1', '0', '0', '0', '1', '0'], axis: 2 },
      { orientation: ['1', '0', '0', '0', '-1', '0'], axis: 2 }, // normal to the feet
      { orientation: ['1', '0', '0', '0', '0', '-1'], axis: 1 }, // coronal
      { orientation: ['0', '1', '0', '0', '0', '-1'], axis: 0 }, // sagittal
    );
    await fc.assert(
      fc.asyncProperty(heights, orientations, fc.boolean(), async (mm, { orientation, axis }, numbered) => {
        const files = mm.map((height, i): [string, Uint8Array] => {
          const position = [0, 0, 0];
          position[axis] = height;
          const number = String((i * 7) % mm.length);
          const elements: DicomElements = {
            '0020,0013': numbered ? ['IS', number] : undefined,
            '0020,0037': ['DS', orientation],
          };
          return [`${i}.dcm`, dicomBytes(ctSlice({ position, uid: `1.${i}`, elements }))];
        });
        const { series } = await scan(Object.fromEntries(files));
        expect(series).toHaveLength(1);
        expect(series[0]!.slices.map(({ position }) => position)).toEqual([...mm].sort((a, b) => a - b));
      }),
      { numRuns: 25 },
    );
  });

  it('goes by the normal of tilted slices, and tells the tilt', async () => {
    const { series } = await scan(stack([30, 10, 20], () => ({ '0020,0037': ['DS', tilted(-18.5)] })));
    const [{ slices, tilt, direction, spacing, kind, ...rest }] = series as [(typeof series)[0]];
    expect(slices.map(({ header }) => header.imagePosition![2])).toEqual([10, 20, 30]);
    expect(tilt).toBeCloseTo(18.5, 3);
    expect(direction[1]).toBeCloseTo(-Math.sin((18.5 * Math.PI) / 180), 5);
    expect(spacing[0]).toBeCloseTo(10 * Math.cos((18.5 * Math.PI) / 180), 4);
    expect(spacing.slice(1)).toEqual([0.5, 0.4]);
    expect(kind).toBe('axial');
    expect(kindsOf(rest)).toEqual(['gantry-tilt']);
  });

  it('takes the tilt from GantryDetectorTilt where the orientation is missing', async () => {
    const { series } = await scan(
      stack([1, 2], () => ({ '0020,0037': undefined, '0018,1120': ['DS', '-7.5'] })),
    );
    expect(series[0]!.tilt).toBe(7.5);
    expect(kindsOf(series[0]!)).toEqual(['missing-orientation', 'gantry-tilt']);
  });

  it('falls back to locations, then to instance numbers, and says so', async () => {
    const without = (more: (i: number) => DicomElements) => (i: number) => ({
      '0020,0032': undefined,
      ...more(i),
    });
    const located = await scan(
      stack(
        [1, 2, 3],
        without((i) => ({ '0020,1041': ['DS', String(9 - i)] })),
      ),
    );
    expect(located.series[0]!.slices.map(({ position }) => position)).toEqual([7, 8, 9]);
    expect(located.series[0]!.problems).toMatchObject([
      { kind: 'missing-position', message: /SliceLocation/ },
    ]);
    const numbered = await scan(
      stack(
        [1, 2, 3],
        without((i) => ({ '0020,0013': ['IS', String(9 - i)] })),
      ),
    );
    expect(numbered.series[0]!.slices.map(({ header }) => header.instanceNumber)).toEqual([7, 8, 9]);
    expect(numbered.series[0]!.slices[0]).not.toHaveProperty('position');
    expect(numbered.series[0]!.problems).toMatchObject([
      { kind: 'missing-position', message: /InstanceNumber/ },
    ]);
    const same = await scan(stack([5, 5, 5], (i) => ({ '0020,0013': ['IS', String(9 - i)] })));
    expect(same.series[0]!.slices.map(({ header }) => header.instanceNumber)).toEqual([7, 8, 9]);
    expect(same.series[0]!.problems).toMatchObject([{ kind: 'one-position', severity: 'error' }]);

    const nothing = await temporaryFolder(
      stack(
        [1, 2, 3],
        without(() => ({})),
      ),
    );
    await expect(scanDicomFolder(nothing)).rejects.toThrow(/cannot be ordered.*000\.dcm/);
    expect((await scanDicomFolder(nothing, { onBadFile: 'skip' })).skipped).toHaveLength(3);
    const single = await scan(
      stack(
        [1],
        without(() => ({})),
      ),
    );
    expect(single.series[0]!.slices).toHaveLength(1);
    expect(kindsOf(single.series[0]!)).toEqual(['missing-position']);
  });

  it('takes slices without orientation for axial, and says so', async () => {
    const { series } = await scan(stack([3, 1, 2], () => ({ '0020,0037': undefined })));
    expect(series[0]!.slices.map(({ position }) => position)).toEqual([1, 2, 3]);
    expect(series[0]).toMatchObject({ kind: 'axial', tilt: undefined });
    expect(kindsOf(series[0]!)).toEqual(['missing-orientation']);
  });
});

describe('the spacing of slices', () => {
  it.each([
    ['even', [0, 5, 10, 15, 20], []],
    ['even but for rounding', [0, 5.01, 9.99, 15, 20.02], []],
    ['with one slice missing', [0, 5, 10, 20, 25, 30], ['gap']],
    ['with two slices missing apart', [0, 5, 15, 20, 25, 35, 40], ['gap', 'gap']],
    ['with two slices missing in a row', [0, 5, 10, 25, 30], ['gap']],
    ['with the second of three missing', [0, 5, 15], ['gap']],
    ['that changes once', [0, 2.5, 5, 7.5, 10, 17, 24, 31, 38], ['uneven-spacing']],
    [
      'that changes once, with a slice missing',
      [0, 2.5, 5, 10, 12.5, 19.5, 26.5, 33.5],
      ['gap', 'uneven-spacing'],
    ],
    ['that changes once over an odd step', [0, 4, 8, 12, 13, 20, 27, 34, 41], ['uneven-spacing']],
  ])('%s', async (_, heights, problems) => {
    const { series } = await scan(stack(heights));
    expect(kindsOf(series[0]!)).toEqual(problems);
    expect(series[0]!.slices).toHaveLength(heights.length);
  });

  it('names the files at a gap', async () => {
    const { series } = await scan(stack([0, 5, 15, 20]));
    const [gap] = series[0]!.problems;
    expect(gap).toMatchObject({ kind: 'gap', message: /10\.00 mm .*001\.dcm/ });
    expect(gap!.file).toMatch(/002\.dcm$/);
    expect(series[0]!.spacing[0]).toBe(5);
  });
});

describe('series', () => {
  it('are found in a mixed folder of studies, by study, number and UID', async () => {
    const of = (study: string, uid: string, number: string) => () =>
      ({
        '0020,000d': ['UI', study],
        '0020,000e': ['UI', uid],
        '0020,0011': ['IS', number],
      }) as DicomElements;
    const folder = await temporaryFolder({});
    const parts = {
      a: ['1.9', '1.9.2', '2'],
      b: ['1.9', '1.9.1', '10'],
      'c/d': ['1.8', '1.9.1', '1'],
    } as const;
    for (const [name, [study, uid, number]] of Object.entries(parts)) {
      await mkdir(join(folder, name), { recursive: true });
      for (const [file, bytes] of Object.entries(stack([2, 1], of(study, uid, number)))) {
        await writeFile(join(folder, name, file), bytes);
      }
    }
    const { series } = await scanDicomFolder(folder);
    expect(series.map(({ studyUid, uid }) => [studyUid, uid])).toEqual([
      ['1.8', '1.9.1'],
      ['1.9', '1.9.2'],
      ['1.9', '1.9.1'],
    ]);
    expect(series.every(({ slices }) => slices.length === 2)).toBe(true);
  });

  it.each([
    ['axial', {}],
    ['localizer', { '0008,0008': ['CS', ['ORIGINAL', 'PRIMARY', 'LOCALIZER']] }],
    ['localizer', { '0020,0037': ['DS', ['0', '1', '0', '0', '0', '-1']] }], // a single sagittal image
    ['derived', { '0008,0008': ['CS', ['DERIVED', 'PRIMARY', 'AXIAL']] }],
    ['derived', { '0008,0008': ['CS', ['ORIGINAL', 'SECONDARY']] }],
    ['derived', { '0028,0002': ['US', [3]], '7fe0,0010': ['OW', new Uint8Array(72)] }],
    ['derived', { '0028,0004': ['CS', 'PALETTE COLOR'] }],
    ['other', { '0008,0060': ['CS', 'MR'] }],
  ] as [string, DicomElements][])('are told apart: %s', async (kind, elements) => {
    const { series } = await scan({ 'a.dcm': dicomBytes(ctSlice({ elements })) });
    expect(series.map((one) => one.kind)).toEqual([kind]);
  });

  it('are split where images do not fit on one another, and say so', async () => {
    const files = stack([1, 2, 3, 4, 5, 6], (i) =>
      i < 4 ? {} : { '0020,0037': ['DS', i < 5 ? tilted(15) : ['0', '1', '0', '0', '0', '-1']] },
    );
    const wide = dicomBytes(ctSlice({ columns: 6, uid: '7', elements: { '0020,0013': ['IS', '1'] } }));
    const { series } = await scan({ ...files, 'wide.dcm': wide });
    expect(series.map(({ slices, stack: index, uid }) => [slices.length, index, uid])).toEqual([
      [4, 0, '1.2.0'],
      [1, 1, '1.2.0'],
      [1, 2, '1.2.0'],
      [1, 3, '1.2.0'],
    ]);
    for (const one of series) expect(kindsOf(one)).toContain('split-series');
  });

  it('say once what is unusual about all their files', async () => {
    const { series } = await scan(stack([1, 2, 3], () => ({ '0028,1052': undefined })));
    expect(series[0]!.problems).toMatchObject([{ kind: 'missing-rescale', message: /\(in 3 files\)/ }]);
    const mixed = stack([1, 2], (i) => ({ '0028,1052': ['DS', String(i)] }));
    expect(kindsOf((await scan(mixed)).series[0]!)).toEqual(['mixed-series']);
    expect(kindsOf((await scan(stack([1], () => ({ '0028,0030': undefined })))).series[0]!)).toEqual([
      'missing-spacing',
    ]);
  });
});

describe('scanDicomFolder', () => {
  const good = dicomBytes(ctSlice());

  it('leaves out what is not DICOM, and reads DICOM of any name', async () => {
    const report = dicomBytes({
      '0008,0016': ['UI', '1.2.840.10008.5.1.4.1.1.88.22'],
      '0008,0060': ['CS', 'SR'],
    });
    const folder = await temporaryFolder({
      LICENSE: 'text',
      DICOMDIR: dicomBytes({}),
      'table.csv': 'a,b',
      'report.dcm': report,
      '.hidden.dcm': 'hidden',
      'sub/IM0001': good,
      'sub/bare.IMA': encode(ctSlice({ uid: '2', position: [0, 0, 1] }), false),
    });
    const { series, unlisted, skipped } = await scanDicomFolder(folder);
    expect(series[0]!.slices.map(({ file }) => file)).toEqual([
      join(folder, 'sub/IM0001'),
      join(folder, 'sub/bare.IMA'),
    ]);
    expect(unlisted.map((file) => basename(file))).toEqual([
      'DICOMDIR',
      'LICENSE',
      'report.dcm',
      'table.csv',
    ]);
    expect(skipped).toEqual([]);
  });

  it('stops at the first bad file, or lists them all', async () => {
    const folder = await temporaryFolder({
      'a.dcm': good,
      'b.dcm': 'no DICOM',
      'c.dcm': good.subarray(0, good.length - 1),
      'd.dcm': dicomBytes(ctSlice(), '1.2.840.10008.1.2.4.201'),
      'e.dcm': '',
    });
    await expect(scanDicomFolder(folder)).rejects.toThrow(DataError);
    await expect(scanDicomFolder(folder)).rejects.toThrow('b.dcm');
    const { series, skipped } = await scanDicomFolder(folder, { onBadFile: 'skip' });
    expect(series[0]!.slices).toHaveLength(1);
    expect(skipped.map(({ file }) => basename(file))).toEqual(['b.dcm', 'c.dcm', 'd.dcm', 'e.dcm']);
    for (const { file, error } of skipped) {
      expect(error).toBeInstanceOf(DataError);
      expect(error.location.file).toBe(file);
    }
  });

  it('takes an image that ends before its size for damaged, not for a report', async () => {
    const group8 = Object.entries(ctSlice()).filter(([tag]) => tag.startsWith('0008'));
    const cut = await temporaryFolder({ 'a.dcm': dicomBytes(Object.fromEntries(group8)) });
    await expect(scanDicomFolder(cut)).rejects.toThrow(/PixelData, or is truncated/);
    const empty = await temporaryFolder({ 'a.dcm': dicomBytes({}) });
    await expect(scanDicomFolder(empty)).rejects.toThrow(DataError);
    const ct = { '0008,0016': ['UI', '1.2.840.10008.5.1.4.1.1.2'] } as const;
    await expect(scanDicomFolder(await temporaryFolder({ IM1: dicomBytes(ct) }))).rejects.toThrow(/IM1/);
  });

  it('tells how far it is', async () => {
    const folder = await temporaryFolder({ ...stack([1, 2, 3]), note: 'text' });
    const seen: FileProgress[] = [];
    await scanDicomFolder(folder, { onProgress: (progress) => seen.push(progress) });
    expect(seen.map(({ done, total }) => [done, total])).toEqual([1, 2, 3, 4].map((done) => [done, 4]));
    expect(new Set(seen.map(({ file }) => basename(file)))).toEqual(
      new Set(['000.dcm', '001.dcm', '002.dcm', 'note']),
    );
  });

  it('follows links inside the folder once, and none out of it', async () => {
    const folder = await temporaryFolder({ '.store/one': good, 'sub/two.dcm': stack([9])['000.dcm']! });
    await symlink('../.store/one', join(folder, 'sub/one.dcm'));
    await symlink('sub', join(folder, 'again'));
    await symlink('..', join(folder, 'sub/up'));
    await symlink('nowhere', join(folder, 'sub/dangling'));
    const { series, skipped } = await scanDicomFolder(folder);
    expect(series[0]!.slices.map(({ file }) => file)).toEqual([
      join(folder, 'sub/one.dcm'),
      join(folder, 'sub/two.dcm'),
    ]);
    expect(skipped).toEqual([]);

    const other = await temporaryFolder({ 'secret.dcm': good });
    await symlink(join(other, 'secret.dcm'), join(folder, 'link.dcm'));
    await expect(scanDicomFolder(folder)).rejects.toThrow(
      /link\.dcm leads out of the data folder through a link/,
    );
    const rest = await scanDicomFolder(folder, { onBadFile: 'skip' });
    expect(rest.skipped.map(({ file }) => file)).toEqual([join(folder, 'link.dcm')]);
    expect(rest.series[0]!.slices).toHaveLength(2);
  });

  it('checks its arguments', async () => {
    await expect(scanDicomFolder('')).rejects.toThrow(ArgumentError);
    await expect(scanDicomFolder('x', { onBadFile: 'ignore' as never })).rejects.toThrow(ArgumentError);
    await expect(scanDicomFolder('x', { recursive: true } as never)).rejects.toThrow(ArgumentError);
    await expect(scanDicomFolder('x', { onProgress: 1 as never })).rejects.toThrow(ArgumentError);
    await expect(scanDicomFolder('/nowhere')).rejects.toThrow(DataError);
  });
});

describe('readDicomHeader', () => {
  it('reads headers of any length, before pixels of any', async () => {
    const long = ctSlice({
      elements: { '0009,0010': ['LO', 'TEST'], '0009,1001': ['OB', new Uint8Array(3e6)] },
    });
    const folder = await temporaryFolder({
      'long.dcm': dicomBytes(long),
      'big.dcm': joinBytes(dicomBytes(ctSlice())),
    });
    expect(await readDicomHeader(join(folder, 'long.dcm'))).toMatchObject({
      seriesUid: '1.2.0',
      problems: [],
    });
    const rows = ctSlice({ elements: { '0028,0010': ['US', [60000]], '0028,0011': ['US', [4000]] } });
    const head = encode({ ...rows, '7fe0,0010': undefined }, true);
    const pixels = Uint8Array.of(0xe0, 0x7f, 0x10, 0, 0x4f, 0x57, 0, 0, 0, 0x38, 0x9c, 0x1c);
    await writeFile(join(folder, 'big.dcm'), joinBytes(dicomBytes({}), head, pixels));
    await truncate(join(folder, 'big.dcm'), 500e6);
    expect((await readDicomHeader(join(folder, 'big.dcm'))).pixels.rows).toBe(60000);
  });

  it('refuses what is no file, too large, or promises more than it has', async () => {
    const folder = await temporaryFolder({
      'big.dcm': dicomBytes({}),
      'cut.dcm': dicomBytes(ctSlice()).subarray(0, -2),
    });
    await expect(readDicomHeader(folder)).rejects.toThrow(/found something else/);
    await expect(readDicomHeader(join(folder, 'none.dcm'))).rejects.toThrow(DataError);
    await expect(readDicomHeader(join(folder, 'cut.dcm'))).rejects.toThrow(/truncated: 22 bytes/);
    await truncate(join(folder, 'big.dcm'), 600e6);
    await expect(readDicomHeader(join(folder, 'big.dcm'))).rejects.toThrow(/600000000 bytes, more than/);
  });
});
