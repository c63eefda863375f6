/**
 * DICOM as bytes: headers, and slices in Hounsfield units. In the browser too.
 *
 * @module ct-multilabel/dicom
 */

export { AIR_HU } from './pixels/hounsfield';
export { decodeDicomSlice, type DecodedDicomSlice, type DecodeDicomOptions } from './pixels/decode_slice';
export { NoImageError, parseDicomHeader, type DicomHeader } from './dicom_header';
export { type SliceOrientation, type Vector3 } from './series/geometry';
export { type DicomPixelFormat } from './pixels/pixel_format';
export { type DicomProblem, type DicomProblemKind, type DicomProblemSeverity } from './problems';
export { type DicomSeriesInfo } from './series/series';
export { type DicomSeriesKind } from './series/series_kind';
export { type DicomSlice } from './series/stack_order';
