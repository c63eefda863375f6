// The bundled sample: a synthetic head, generated on demand.
import { makePhantomPatient } from 'ct-multilabel';
import type { NamedFile } from '../protocol';
import { turn, type Running } from './running';

const [SLICES, SIZE, SEED] = [20, 256, 31];

/** Of the phantom's field of view, and about its height, in mm. */
const [FIELD, HEIGHT] = [240, 150];

/** A random UID (2.25, PS3.5 B.2), to which the images append numbers. */
const ROOT = 265_303_518_430_194_702_111_405_300_713_550_210_000n;
const uid = (n: number): string => `2.25.${ROOT + BigInt(n)}`;

/** The part of dcmjs that is used here. */
interface Dcmjs {
  DicomDict: new (meta: object) => { dict: object; write(): ArrayBuffer };
  DicomMetaDictionary: { denaturalizeDataset(elements: object): object };
}

/** A head with hemorrhages as DICOM files, so that it is processed like a patient's. */
export async function sampleFiles({ say, signal }: Running): Promise<NamedFile[]> {
  say({ text: 'Making a synthetic head' });
  const { hu } = makePhantomPatient({
    ...{ seed: SEED, slices: SLICES, size: SIZE, difficulty: 0 },
    prevalence: { ich: 1, ivh: 1, sah: 0, sdh: 0, edh: 0 },
  });
  await turn(signal);
  const module = (await import('dcmjs')) as unknown as { data?: Dcmjs; default: { data: Dcmjs } };
  const dcmjs = module.data ?? module.default.data;
  return Array.from({ length: SLICES }, (_, i) => {
    const stored = Uint16Array.from(hu.subarray(i * SIZE * SIZE, (i + 1) * SIZE * SIZE), (value) =>
      Math.max(0, Math.min(4095, Math.round(value + 1024))),
    );
    const name = `${String(i + 1).padStart(2, '0')}.dcm`;
    return { path: `synthetic head/${name}`, file: new File([dicomSlice(dcmjs, i, stored)], name) };
  });
}

function dicomSlice(
  { DicomDict, DicomMetaDictionary }: Dcmjs,
  slice: number,
  stored: Uint16Array,
): ArrayBuffer {
  const image = { class: '1.2.840.10008.5.1.4.1.1.2', uid: uid(10 + slice) };
  const meta = {
    FileMetaInformationVersion: Uint8Array.of(0, 1).buffer,
    MediaStorageSOPClassUID: image.class,
    MediaStorageSOPInstanceUID: image.uid,
    TransferSyntaxUID: '1.2.840.10008.1.2.1',
    ImplementationClassUID: uid(3),
  };
  const file = new DicomDict(DicomMetaDictionary.denaturalizeDataset(meta));
  const spacing = FIELD / SIZE;
  file.dict = DicomMetaDictionary.denaturalizeDataset({
    SpecificCharacterSet: 'ISO_IR 192',
    ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
    ...{ SOPClassUID: image.class, SOPInstanceUID: image.uid },
    ...{ StudyInstanceUID: uid(1), SeriesInstanceUID: uid(2), FrameOfReferenceUID: uid(4) },
    ...{ StudyDate: '20240101', StudyTime: '120000', StudyID: '1', AccessionNumber: '' },
    ...{ Modality: 'CT', Manufacturer: 'ct-multilabel', ReferringPhysicianName: '' },
    ...{ StudyDescription: 'Synthetic head', SeriesDescription: 'Synthetic head (no patient)' },
    ...{ PatientName: 'Synthetic^Head', PatientID: 'SYNTHETIC', PatientBirthDate: '', PatientSex: '' },
    ...{ PatientIdentityRemoved: 'YES', DeidentificationMethod: 'Synthetic: there is no patient' },
    ...{ SeriesNumber: '1', InstanceNumber: String(slice + 1), SliceThickness: '5' },
    ImagePositionPatient: [-FIELD / 2, -FIELD / 2, (slice * HEIGHT) / (SLICES - 1)].map((mm) =>
      mm.toFixed(3),
    ),
    ImageOrientationPatient: ['1', '0', '0', '0', '1', '0'],
    PixelSpacing: [String(spacing), String(spacing)],
    ...{ SamplesPerPixel: 1, PhotometricInterpretation: 'MONOCHROME2', Rows: SIZE, Columns: SIZE },
    ...{ BitsAllocated: 16, BitsStored: 12, HighBit: 11, PixelRepresentation: 0 },
    ...{ RescaleIntercept: '-1024', RescaleSlope: '1', RescaleType: 'HU' },
    ...{ WindowCenter: '40', WindowWidth: '80' },
    ...{ PixelData: stored.buffer, _vrMap: { PixelData: 'OW' } },
  });
  return file.write();
}
