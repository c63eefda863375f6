/**
 * DICOM as bytes: headers, and slices in Hounsfield units. In the browser too.
 *
 * @module dicom
 */

export { decodeDicomSlice } from './pixels/decode_slice';
export { NoImageError, parseDicomHeader, type DicomHeader } from './dicom_header';

export { type DicomProblem, type DicomProblemKind } from './problems';
