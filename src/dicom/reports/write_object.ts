import { CtMultilabelError } from '../../base/errors';
import { VERSION } from '../../version';
import { derivedUid } from './derived_uid';

/** Values of an element: text, numbers, bytes, or the items of a sequence. */
export type ElementValue =
  string | number | readonly (string | number)[] | ArrayBuffer | readonly Elements[] | undefined;

/** Elements by the standard's keywords; undefined ones are omitted, `''` ones are written empty. */
export interface Elements {
  [keyword: string]: ElementValue;
}

/** The part of dcmjs that is used here. */
interface Dcmjs {
  DicomDict: new (meta: object) => { dict: object; write(): ArrayBuffer };
  DicomMetaDictionary: { denaturalizeDataset(elements: object): object };
}

const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';

/** Name of this writer in the file meta information, at most 16 characters. */
const IMPLEMENTATION = `CTML ${VERSION}`.slice(0, 16);

/**
 * A DICOM file with these elements: explicit little endian, all text in UTF-8.
 *
 * @param elements - With SOPClassUID and SOPInstanceUID, and without SpecificCharacterSet.
 */
export async function writeObject(elements: Elements): Promise<Uint8Array> {
  const { DicomDict, DicomMetaDictionary } = await loadDcmjs();
  const file = new DicomDict(
    DicomMetaDictionary.denaturalizeDataset({
      FileMetaInformationVersion: Uint8Array.of(0, 1).buffer,
      MediaStorageSOPClassUID: elements['SOPClassUID'],
      MediaStorageSOPInstanceUID: elements['SOPInstanceUID'],
      TransferSyntaxUID: EXPLICIT_LITTLE_ENDIAN,
      ImplementationClassUID: await derivedUid('implementation'),
      ImplementationVersionName: IMPLEMENTATION,
    }),
  );
  file.dict = DicomMetaDictionary.denaturalizeDataset(
    inOrder({ SpecificCharacterSet: 'ISO_IR 192', ...elements }),
  );
  return new Uint8Array(file.write());
}

/** A copy without undefined values, which dcmjs does not accept, and with the representation of bytes. */
function inOrder(elements: Elements): object {
  const entries = Object.entries(elements)
    .filter(([, value]) => value !== undefined)
    .map(([keyword, value]) => [keyword, isItems(value) ? value.map(inOrder) : value] as const);
  const isBytes = entries.some(([keyword]) => keyword === 'PixelData');
  return { ...Object.fromEntries(entries), ...(isBytes && { _vrMap: { PixelData: 'OB' } }) };
}

const isItems = (value: ElementValue): value is readonly Elements[] =>
  Array.isArray(value) && typeof value[0] === 'object';

async function loadDcmjs(): Promise<Dcmjs> {
  try {
    // bundlers and CommonJS wrap the module in different ways
    const module = await import('dcmjs');
    return (module.data ?? module.default.data) as Dcmjs;
  } catch (cause) {
    throw new CtMultilabelError(
      'DICOM objects are written with dcmjs, an optional dependency that could not be loaded; install it with `npm install dcmjs@0.51`',
      { cause },
    );
  }
}
