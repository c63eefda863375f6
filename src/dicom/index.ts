/**
 * DICOM as bytes: headers, slices in Hounsfield units, and results as reports and images. Also runs in the browser.
 *
 * @module dicom
 */

export { readDicomSeries } from './files/read_series';
export { decodeDicomSlice } from './pixels/decode_slice';
export { NoImageError, parseDicomHeader, type DicomHeader } from './dicom_header';

export { type DicomProblem, type DicomProblemKind } from './problems';

export { dicomReport } from './reports/report';
export { dicomHeatMaps } from './reports/heat_map_captures';
