import { describe, expect, it } from 'vitest';
import { DicomDataSet } from '../../../src/dicom/data_set';
import { dicomHeatMaps, parseDicomHeader } from '../../../src/dicom/index';
import { isGray } from '../../../src/dicom/pixels/pixel_format';
import { dciodvfyErrors, hasDciodvfy, pydicom, pythonWithPydicom } from '../../support/dicom_tools';
import { DATE, MODEL, sourceSlice, stack } from './source';

const [ROWS, COLUMNS] = [9, 101]; // an odd number of bytes
const OPTIONS = { model: MODEL, label: 'ich', rows: ROWS, columns: COLUMNS, date: DATE };

const pixels = Float32Array.from({ length: ROWS * COLUMNS }, (_, i) => i / (ROWS * COLUMNS));
const cold = new Float32Array(ROWS * COLUMNS);
const hot = Float32Array.from({ length: ROWS * COLUMNS }, (_, i) => (i === 7 ? 1 : 0));

const maps = (options: object = {}) =>
  dicomHeatMaps(
    stack(2).map((image, i) => ({ ...image, pixels, map: i === 0 ? cold : hot })),
    { ...OPTIONS, ...options },
  );

const pixelsOf = (bytes: Uint8Array) => {
  const read = DicomDataSet.parse(bytes, {});
  const { offset, length } = read.pixelData!;
  return bytes.subarray(offset, offset + length!);
};

describe('dicomHeatMaps', () => {
  it('draws the colour where the map is hot, gray elsewhere, and a line of text below', async () => {
    const [plain, heated] = await maps();
    const area = 3 * ROWS * COLUMNS;
    const gray = [...pixels].flatMap((value) => Array<number>(3).fill(Math.round(255 * value)));
    expect([...pixelsOf(plain!).subarray(0, area)]).toEqual(gray);
    const different = [...pixelsOf(heated!).subarray(0, area)].flatMap((byte, i) =>
      byte === gray[i] ? [] : [i],
    );
    expect(different).toEqual([21, 22, 23]);
    // 0.6 of Inferno's last colour and 0.4 of the gray
    expect([...pixelsOf(heated!).subarray(21, 24)]).toEqual([152, 154, 99]);
    const below = pixelsOf(plain!).subarray(area);
    expect(below.some((byte) => byte === 235)).toBe(true);
    expect(below.length % 2).toBe(area % 2);
  });

  it('names the label below a narrow image too, on a line of its own', async () => {
    const [rows, columns] = [2, 64];
    const values = new Float32Array(rows * columns);
    const below = async (label: string) => {
      const images = [{ ...stack(1)[0]!, pixels: values, map: values }];
      const [bytes] = await dicomHeatMaps(images, { ...OPTIONS, rows, columns, label });
      return [...pixelsOf(bytes!).subarray(3 * rows * columns)];
    };
    const [ich, sdh] = [await below('ich'), await below('sdh')];
    expect(ich.length).toBe(3 * columns * (2 * 8 + 3));
    const upper = 3 * columns * 8;
    expect(ich.slice(0, upper)).not.toEqual(sdh.slice(0, upper));
    expect(ich.slice(upper)).toEqual(sdh.slice(upper));
    expect(ich.slice(upper)).toContain(235);
  });

  it('is read as a colour image of its patient, which no series takes for a scan', async () => {
    const [first, second] = await maps({ orientation: [[1, 0, 0], [0, 0.948, -0.317]] }); // prettier-ignore
    const header = parseDicomHeader(first!);
    expect(isGray(header.pixels)).toBe(false);
    expect(header).toMatchObject({ patientId: 'P1', studyUid: '1.2', instanceNumber: 1, modality: 'OT' });
    expect(header.seriesUid).toBe(parseDicomHeader(second!).seriesUid);
    const read = DicomDataSet.parse(second!, {});
    expect(read.text('x00100010')).toBe('Buc^Jérôme');
    expect(read.texts('x00200020')).toEqual(['L', 'PF']);
    expect(read.text('x00204000')).toBe('Research use only. Not for clinical use.');
    expect(read.items('x00082112')[0]!.text('x00081155')).toBe('1.2.1.2');
  });

  it('has UIDs of its own for each label and slice, the same each time', async () => {
    const uids = (files: Uint8Array[]) => files.map((bytes) => parseDicomHeader(bytes).sopInstanceUid);
    const [first, other] = [await maps(), await maps({ label: 'sdh' })];
    expect(uids(await maps())).toEqual(uids(first));
    expect(new Set([...uids(first), ...uids(other)]).size).toBe(4);
  });

  it('says of a picture of images compressed with loss that it is one', async () => {
    const lossy = { '0028,2110': ['CS', '01'], '0028,2112': ['DS', '9.5'] } as const;
    const image = { bytes: sourceSlice(0, { elements: lossy }), pixels, map: hot };
    const [bytes] = await dicomHeatMaps([image], OPTIONS);
    const read = DicomDataSet.parse(bytes!, {});
    expect([read.text('x00282110'), read.text('x00282112')]).toEqual(['01', '9.5']);
  });

  it('refuses values that do not fit', async () => {
    await expect(maps({ rows: 8 })).rejects.toThrow(
      'images[0].pixels: expected 8 x 101 numbers, received 909',
    );
    await expect(maps({ label: 'fracture' })).rejects.toThrow("one for the label 'fracture'");
    await expect(maps({ orientation: [1, 2] })).rejects.toThrow('orientation: expected two directions');
    await expect(maps({ opacity: 2 })).rejects.toThrow('opacity: expected a number in [0, 1]');
  });

  it.skipIf(!hasDciodvfy)('has no error that dicom3tools knows of', async () => {
    for (const bytes of await maps()) expect(dciodvfyErrors(bytes)).toEqual([]);
  });

  it.skipIf(!pythonWithPydicom)('is read by pydicom', async () => {
    const [, heated] = await maps();
    const program =
      'print(dataset.PatientName, dataset.Rows, dataset.Columns, list(dataset.PixelData[21:24]))';
    expect(pydicom(heated!, program)).toBe(`Buc^Jérôme ${ROWS + 11} ${COLUMNS} [152, 154, 99]\nexit 0`);
  });
});
