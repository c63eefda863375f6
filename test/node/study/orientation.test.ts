import { describe, expect, it } from 'vitest';
import { turnOf, turnPlane, turnedOrientation } from '../../../src/dicom/series/turn';
import type { SliceOrientation, Vector3 } from '../../../src/dicom/series/geometry';
import { openDicomFolder } from '../../../src/node/study/dicom_folder';
import { openPatientFolder } from '../../../src/node/study/kaggle_folder';
import { readDicomSeries } from '../../../src/node/study/read_series';
import { createPreprocessing } from '../../../src/transforms/preprocessing';
import { ctSlice, dicomBytes, type DicomElements } from '../../support/dicom_bytes';
import { temporaryFolder } from '../../support/folder';
import { flatPng, PNG_COLOR, pngBytes } from '../../support/png';

/** A head of 4 x 6 pixels of 1 mm: what is at x (to the left) and y (to the back). */
const [WIDTH, HEIGHT] = [6, 4];
const at = (x: number, y: number) => -1000 + 100 * (x + WIDTH * y);
const standard = Array.from({ length: WIDTH * HEIGHT }, (_, i) => at(i % WIDTH, Math.floor(i / WIDTH)));

/** The eight ways in which an axial slice can lie, as directions of its rows and of its columns. */
const axes: Record<string, [x: number, y: number]> = { L: [1, 0], R: [-1, 0], P: [0, 1], A: [0, -1] };
const WAYS = ['LP', 'LA', 'RP', 'RA', 'PL', 'PR', 'AL', 'AR'] as const;

/** The same head, stored so that columns go one way and rows the other. */
function stored(way: string): { rows: number; columns: number; values: number[]; orientation: string[] } {
  const [r, c] = [axes[way[0]!]!, axes[way[1]!]!];
  const [columns, rows] = r[0] === 0 ? [HEIGHT, WIDTH] : [WIDTH, HEIGHT];
  // the corner that the first pixel is at
  const start = [r[0] + c[0] < 0 ? WIDTH - 1 : 0, r[1] + c[1] < 0 ? HEIGHT - 1 : 0] as const;
  const values = Array.from({ length: rows * columns }, (_, i) => {
    const [u, v] = [i % columns, Math.floor(i / columns)];
    return at(start[0] + u * r[0] + v * c[0], start[1] + u * r[1] + v * c[1]);
  });
  return { rows, columns, values, orientation: [...r, 0, ...c, 0].map(String) };
}
const dicom = (way: string, z: number, more: DicomElements = {}) => {
  const { rows, columns, values, orientation } = stored(way);
  const elements = { '0020,0037': ['DS', orientation], ...more } as DicomElements;
  return dicomBytes(ctSlice({ rows, columns, stored: values, position: [0, 0, z], uid: `1.${z}`, elements }));
};

describe('axial slices', () => {
  it.each(WAYS)('stored as %s come in the standard orientation (case 08)', async (way) => {
    const folder = await temporaryFolder({ 'a.dcm': dicom(way, 0), 'b.dcm': dicom(way, 5) });
    const [series] = await readDicomSeries(folder);
    expect(series!.hu.shape).toEqual([2, HEIGHT, WIDTH]);
    expect([...series!.hu.dataSync()]).toEqual([...standard, ...standard]);
    expect(series!.orientation).toEqual([[1, 0, 0], [0, 1, 0]]); // prettier-ignore
    const transposed = way[0] === 'P' || way[0] === 'A';
    expect(series!.spacing).toEqual([5, ...(transposed ? [0.4, 0.5] : [0.5, 0.4])]);
    expect([series!.rows, series!.columns]).toEqual([HEIGHT, WIDTH]);
    expect(series!.problems.map(({ kind, severity }) => `${kind} ${severity}`)).toEqual(
      way === 'LP' ? [] : ['turned note'],
    );
    series!.hu.dispose();
  });

  it.each(WAYS)(
    'stored as %s are the same for the model, by DICOM and by a picture that says so',
    async (way) => {
      const preprocessing = createPreprocessing({
        windows: [{ center: 200, width: 2400 }],
        imageSize: [HEIGHT, WIDTH],
        clahe: false,
      });
      const expected = standard.map((hu) => (hu + 1000) / 2400);
      const study = await openDicomFolder(await temporaryFolder({ 'a.dcm': dicom(way, 0) }), {
        preprocessing,
        requireLabels: false,
      });
      const { images } = await study.load('P1');
      images.dataSync().forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
      images.dispose();

      const { rows, columns, values } = stored(way);
      const gray = values.map((hu) => (hu + 1000) / 100);
      const lines = Array.from({ length: rows }, (_, y) => gray.slice(y * columns, (y + 1) * columns));
      const folder = await temporaryFolder({ 'x_0.png': pngBytes(columns, rows, 8, PNG_COLOR.gray, lines) });
      const plain = createPreprocessing({ imageSize: [HEIGHT, WIDTH], clahe: false });
      const pictures = await openPatientFolder(folder, { preprocessing: plain, imageOrientation: way });
      const picture = await pictures.load(pictures.patients[0]!);
      picture.images
        .dataSync()
        .forEach((value, i) => expect(value * 255).toBeCloseTo((standard[i]! + 1000) / 100, 3));
      picture.images.dispose();
    },
  );

  it('of a patient who lies prone, or feet first, are turned by what they say of the patient', async () => {
    // PatientPosition is about the table; the orientation is of the patient, and is what counts
    const more = { '0018,5100': ['CS', 'HFP'] } as const;
    const [series] = await readDicomSeries(await temporaryFolder({ 'a.dcm': dicom('RA', 0, more) }));
    expect([...series!.hu.dataSync()]).toEqual(standard);
    expect(series!.problems[0]!.message).toMatch(/upside down \(rotated by 180 degrees\)/);
    series!.hu.dispose();
  });

  it('without ImageOrientationPatient are turned by PatientOrientation', async () => {
    const more = { '0020,0037': undefined, '0020,0020': ['CS', ['R', 'AH']] } as DicomElements;
    const [series] = await readDicomSeries(await temporaryFolder({ 'a.dcm': dicom('RA', 0, more) }));
    expect([...series!.hu.dataSync()]).toEqual(standard);
    expect(series!.problems.map(({ kind }) => kind)).toEqual(['turned', 'missing-orientation']);
    series!.hu.dispose();
  });

  it('that lie askew are reported, and stay so', async () => {
    const [c, s] = [Math.cos(0.7).toFixed(6), Math.sin(0.7).toFixed(6)];
    const more = { '0020,0037': ['DS', [c, s, '0', `-${s}`, c, '0']] } as DicomElements;
    const [series] = await readDicomSeries(await temporaryFolder({ 'a.dcm': dicom('LP', 0, more) }));
    expect(series!.problems).toMatchObject([{ kind: 'oblique', severity: 'warning', message: /40 degrees/ }]);
    series!.hu.dispose();
  });

  it('of other directions stay as they are', () => {
    const coronal: SliceOrientation = [[-1, 0, 0], [0, 0, -1]]; // prettier-ignore
    expect(turnOf(coronal)).toBeUndefined();
  });

  it('keep a tilted gantry', () => {
    const tilted: SliceOrientation = [[-1, 0, 0], [0, -Math.cos(0.3), Math.sin(0.3)]]; // prettier-ignore
    const [row, column] = turnedOrientation(tilted, turnOf(tilted)!);
    expect(row).toEqual([1, 0, 0]);
    expect(column).toEqual([0, Math.cos(0.3), -Math.sin(0.3)]);
  });

  it('are turned so that each pixel stays where it is in the patient', () => {
    for (const way of WAYS) {
      const { rows, columns, values, orientation } = stored(way);
      const numbers = orientation.map(Number) as [number, number, number, number, number, number];
      const pair: SliceOrientation = [
        numbers.slice(0, 3) as unknown as Vector3,
        numbers.slice(3) as unknown as Vector3,
      ];
      const turn = turnOf(pair);
      const plane = { values: Float32Array.from(values), rows, columns };
      expect([...(turn ? turnPlane(plane, turn) : plane).values], way).toEqual(standard);
    }
  });

  it('refuse an invalid orientation of pictures', async () => {
    const folder = await temporaryFolder({ 'x_0.png': flatPng(2, 2, 0) });
    const preprocessing = createPreprocessing({ imageSize: [2, 2], clahe: false });
    await expect(
      openPatientFolder(folder, { preprocessing, imageOrientation: 'LR' as never }),
    ).rejects.toThrow(/imageOrientation: expected one of 'LP'/);
  });
});
