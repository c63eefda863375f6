import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkName } from '../../src/data/tables/slice_names';
import { DataError } from '../../src/base/errors';
import { decodeDicomSlice } from '../../src/dicom/pixels/decode_slice';
import { openDicomFolder } from '../../src/node/study/dicom_folder';
import { createPreprocessing } from '../../src/transforms/preprocessing';
import { temporaryFolder } from '../support/folder';
import { ctSlice, dicomBytes, IMPLICIT, joinBytes } from '../support/dicom_bytes';
import { fuzz, growthOf, itHasReadAll, MUTANTS, watched } from './fuzz';
import { changeElements, deflatedStart, elementChanges, elementsOf, PIXELS } from './dicom_changes';
import { byteChanges, changeBytes, mutantsOf } from './mutations';

watched('dicom');

const MIB = 2 ** 20;
const folder = new URL('../golden/dicom/', import.meta.url);
const files: Record<string, Uint8Array> = {};
for (const name of readdirSync(folder).filter((file) => file.endsWith('.dcm'))) {
  files[name] = new Uint8Array(readFileSync(new URL(name, folder)));
}
const names = Object.keys(files);
/** Those whose damage costs a WebAssembly codec, which is made anew after each failure, are drawn less often. */
const isDear = (name: string) => /^jpeg_(2000|ls|baseline|extended)/.test(name);
const cheapNames = names.filter((name) => !isDear(name));
const dearNames = names.filter(isDear);
const TOKENS = [
  '\u0008\0\u0005\0CS',
  'SQ\0\0',
  'UN\0\0\uffff',
  'OW',
  '\\',
  '1.2.840.10008.1.2.4.90',
  '1.2.840.10008.1.2',
  'DICM',
  '-1',
];

async function read(bytes: Uint8Array): Promise<void> {
  const { hu, rows, columns } = await decodeDicomSlice(bytes, { file: 'changed.dcm' });
  expect(hu).toHaveLength(rows * columns);
  expect(hu.every(Number.isFinite)).toBe(true);
}

describe('decodeDicomSlice', () => {
  for (const [what, some, share] of [
    ['of changed bytes', cheapNames, 0.3],
    ['of changed bytes of a codec in WebAssembly', dearNames, 0.15],
  ] as const) {
    it(what, async () => {
      const { accepted } = await fuzz({
        mutants: mutantsOf(some, byteChanges(TOKENS)),
        count: MUTANTS.dicom * share,
        read: ({ source, changes }) => read(changeBytes(files[source]!, changes, Object.values(files))),
        refusal: DataError,
        names: 'changed.dcm',
      });
      expect(accepted).toBeGreaterThan(0);
    });
  }

  for (const [what, some, share] of [
    ['of changed elements', cheapNames, 0.36],
    ['of changed elements around a codec in WebAssembly', dearNames, 0.15],
  ] as const) {
    it(what, async () => {
      const { accepted } = await fuzz({
        mutants: mutantsOf(some, elementChanges),
        count: MUTANTS.dicom * share,
        read: ({ source, changes }) => read(changeElements(files[source]!, changes)),
        refusal: DataError,
        names: 'changed.dcm',
      });
      expect(accepted).toBeGreaterThan(0);
    });
  }

  it('of sequences nested 10,000 deep', async () => {
    const item = (tag: number[]) => Uint8Array.of(...tag, 0xff, 0xff, 0xff, 0xff);
    const explicit = joinBytes(
      Uint8Array.of(8, 0, 0x40, 0x11, 0x53, 0x51, 0, 0, 255, 255, 255, 255),
      item([0xfe, 0xff, 0, 0xe0]),
    );
    const unknown = joinBytes(
      Uint8Array.of(8, 0, 0x40, 0x11, 0x55, 0x4e, 0, 0, 255, 255, 255, 255),
      item([0xfe, 0xff, 0, 0xe0]),
    );
    const implicit = joinBytes(item([8, 0, 0x40, 0x11]), item([0xfe, 0xff, 0, 0xe0]));
    const body = dicomBytes(ctSlice());
    const meta = 132 + 12 + 8 + 20; // (0002,0000) and (0002,0010) with this UID
    for (const [levels, syntax] of [[explicit, undefined], [unknown, undefined], [implicit, IMPLICIT]] as const) {
      const whole = syntax === undefined ? body : dicomBytes(ctSlice(), syntax);
      const at = whole.findIndex((_, i) => i >= meta - 12 && whole[i] === 8 && whole[i + 1] === 0 && whole[i + 2] === 8);
      for (const depth of [100, 10_000, 100_000]) {
        const nested = joinBytes(whole.subarray(0, at), ...Array.from({ length: depth }, () => levels), whole.subarray(at));
        await read(nested).catch((error: unknown) => expect(error).toBeInstanceOf(DataError));
      }
    } // prettier-ignore
  });

  it('of a header that lies about sizes allocates nothing', async () => {
    const growth = await growthOf(async () => {
      for (const name of names.filter((one) => one !== 'big_endian.dcm')) {
        for (const [rows, columns] of [[65_535, 65_535], [65_535, 1], [1, 65_535], [8000, 8000]] as const) {
          const bytes = changeElements(files[name]!, [
            { kind: 'value', tag: 'x00280010', value: Uint8Array.of(rows & 255, rows >> 8) },
            { kind: 'value', tag: 'x00280011', value: Uint8Array.of(columns & 255, columns >> 8) },
          ]);
          await expect(read(bytes), name).rejects.toThrow(DataError);
        }
      }
    }); // prettier-ignore
    expect(growth).toBeLessThan(256 * MIB);
  });

  it.each(dearNames.concat(names.filter((name) => /lossless/.test(name))))(
    '%s, whose codestream lies about its size too, fills no memory',
    async (name) => {
      // as many pixels as there may be take JPEG 2000 seconds and a GiB, so one of its files must do
      const most = /jpeg_2000_(?!90_8)/.test(name)
        ? []
        : ([
            [8000, 8000],
            [65_535, 970],
          ] as const);
      const growth = await growthOf(async () => {
        for (const [rows, columns] of [[65_535, 65_535], [65_535, 977], [0, 0], ...most] as const) {
          await read(lyingCodestream(files[name]!, rows, columns)).catch((error: unknown) =>
            expect(error).toBeInstanceOf(DataError),
          );
        }
      }); // prettier-ignore
      expect(growth).toBeLessThan(1200 * MIB);
    },
  );

  it('of a file that inflates without end', async () => {
    const whole = files['deflated.dcm']!;
    const start = deflatedStart(whole);
    const bombs = [
      new Uint8Array(200 * MIB),
      joinBytes(inflateRawSync(whole.subarray(start)), new Uint8Array(200 * MIB)),
    ];
    for (const bomb of bombs) {
      const bytes = joinBytes(whole.subarray(0, start), deflateRawSync(bomb));
      const growth = await growthOf(() => expect(read(bytes)).rejects.toThrow(DataError));
      expect(growth).toBeLessThan(500 * MIB);
    }
  });
});

describe('openDicomFolder', () => {
  const id = fc.oneof(
    fc.constantFrom('..', '.', '../../x', '/etc', 'C:\\x', 'a/b', '\0', '\u007f', ' ', '__proto__', 'x'.repeat(1000), '~', '-'),
    fc.string({ unit: 'binary', maxLength: 12 }),
  ); // prettier-ignore

  it('makes plain names of whatever a header calls a patient and a slice', async () => {
    const preprocessing = createPreprocessing({ windows: ['brain'], imageSize: [2, 2], clahe: false });
    const file = path.join(await temporaryFolder(), 'study', 'a.dcm');
    await mkdir(path.dirname(file));
    await mkdir(path.join(path.dirname(file), 'b'));
    await fuzz({
      mutants: fc.record({ patient: id, study: id, uid: id, series: id }),
      count: MUTANTS.dicom * 0.04,
      read: async ({ patient, study, uid, series }) => {
        const elements = {
          '0008,0005': ['CS', 'ISO_IR 192'],
          '0010,0020': ['LO', patient],
          '0020,000d': ['UI', study],
          '0020,000e': ['UI', series],
        } as const;
        await writeFile(file, dicomBytes(ctSlice({ uid, elements })));
        // two files of one name, so that slices are named by their UIDs
        const other = ctSlice({ uid: `${uid}2`, elements, position: [0, 0, 5] });
        await writeFile(path.join(path.dirname(file), 'b', 'a.dcm'), dicomBytes(other));
        const source = await openDicomFolder(path.dirname(file), {
          preprocessing,
          table: false,
          requireLabels: false,
        });
        for (const name of source.patients) {
          checkName('patient', name, {});
          for (const slice of source.sliceNames(name)) checkName('slice', slice, {});
          const { images } = await source.load(name);
          images.dispose();
        }
      },
      refusal: DataError,
      names: path.dirname(file),
    });
  });
});

itHasReadAll('dicom');

/** The file with other sizes, in its header and in its codestream alike. */
function lyingCodestream(file: Uint8Array, rows: number, columns: number): Uint8Array {
  const bytes = changeElements(file, [
    { kind: 'value', tag: 'x00280010', value: Uint8Array.of(rows & 255, rows >> 8) },
    { kind: 'value', tag: 'x00280011', value: Uint8Array.of(columns & 255, columns >> 8) },
  ]);
  const view = new DataView(bytes.buffer);
  const pixels = elementsOf(bytes).find(({ tag }) => tag === PIXELS)!.dataOffset;
  for (let i = pixels; i + 20 < bytes.length; i++) {
    if (view.getUint32(i) === 0xff4fff51) {
      for (const [place, size] of [[8, columns], [12, rows], [24, columns], [28, rows]] as const) view.setUint32(i + place, size);
      return bytes;
    }
    if (bytes[i] === 0xff && [0xc0, 0xc1, 0xc3, 0xf7].includes(bytes[i + 1]!)) {
      view.setUint16(i + 5, rows);
      view.setUint16(i + 7, columns);
      return bytes;
    }
  } // prettier-ignore
  throw new Error('there is no codestream');
}
