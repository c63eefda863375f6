import { ctSlice, dicomBytes, type CtSlice, type DicomElements } from '../../support/dicom_bytes';

export const MODEL = { name: 'head CT', version: '2024-05' };
export const DATE = new Date(2024, 4, 17, 9, 5, 3);

/** A slice with all that a result takes over; its text is Latin-1. */
export const ELEMENTS: DicomElements = {
  '0008,0005': ['CS', 'ISO_IR 100'],
  '0008,0016': ['UI', '1.2.840.10008.5.1.4.1.1.2'],
  '0008,0020': ['DA', '20240516'],
  '0008,0030': ['TM', '235959.5'],
  '0008,0050': ['SH', 'A17'],
  '0008,0090': ['PN', Uint8Array.from([0x4f, 0x27, 0x4e, 0xe9, 0x65])],
  '0008,1030': ['LO', 'HEAD'],
  '0010,0010': ['PN', Uint8Array.from([...'Buc^J\xe9r\xf4me'].map((letter) => letter.charCodeAt(0)))],
  '0010,0030': ['DA', '19500102'],
  '0010,0040': ['CS', 'M'],
  '0010,1010': ['AS', '074Y'],
  '0020,0010': ['SH', '4711'],
};

export const sourceSlice = (i: number, slice: CtSlice = {}): Uint8Array =>
  dicomBytes(
    ctSlice({
      position: [0, 0, 5 * i],
      uid: `1.2.1.${i + 1}`,
      ...slice,
      elements: { ...ELEMENTS, ...slice.elements },
    }),
  );

/** A stack of so many slices. */
export const stack = (slices: number) =>
  Array.from({ length: slices }, (_, i) => ({ bytes: sourceSlice(i), file: `s${i}.dcm` }));
