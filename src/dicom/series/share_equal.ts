import type { DicomHeader } from '../dicom_header';

const NONE: DicomHeader['problems'] = [];

/**
 * Returns a function that makes headers share the values that are equal in most files of a series. A study of 750 000
 * files has few distinct values, of which copies would take half the memory of Node.js.
 */
export function headerSharer(): (header: DicomHeader) => DicomHeader {
  const known = new Map<string, unknown>();
  const common = new WeakSet<object>();
  const shared = <T>(value: T): T => {
    if (value === undefined) return value;
    const isObject = typeof value === 'object' && value !== null;
    // already shared, for headers from the cache
    if (isObject && common.has(value)) return value;
    // the JSON of objects does not begin with a quote
    const key = typeof value === 'string' ? `'${value}` : JSON.stringify(value);
    if (!known.has(key)) {
      known.set(key, value);
      if (isObject) common.add(value);
    }
    return known.get(key) as T;
  };
  return (header) => ({
    ...header,
    transferSyntax: shared(header.transferSyntax),
    studyUid: shared(header.studyUid),
    seriesUid: shared(header.seriesUid),
    patientId: shared(header.patientId),
    modality: shared(header.modality),
    studyDescription: shared(header.studyDescription),
    seriesDescription: shared(header.seriesDescription),
    imageType: shared(header.imageType),
    imageOrientation: shared(header.imageOrientation),
    pixelSpacing: shared(header.pixelSpacing),
    windowCenter: shared(header.windowCenter),
    windowWidth: shared(header.windowWidth),
    pixels: shared(header.pixels),
    problems: header.problems.length === 0 ? NONE : header.problems,
  });
}
