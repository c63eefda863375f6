import { check } from '../../base/checks';
import { optional, positiveInteger, resolveOptions, rule, share, type Rules } from '../../base/options';
import { grayLevel, HEAT_OPACITY, overlaid, unit } from '../../drawing/heat_colors';
import { drawText, TEXT_HEIGHT, textWidth, type Rgb } from '../../drawing/pixel_text';
import { lettersOf, type SliceOrientation } from '../series/geometry';
import { CODES, dcm, labelCodes, type DicomCode } from './codes';
import { codeItem } from './content_items';
import { derivedUid } from './derived_uid';
import { DATE, MODEL, NOT_FOR_CLINICAL_USE, resultElements, type ReportedModel } from './result_object';
import { nameOf, readSources, referenceTo, type SourceImage } from './source_image';
import { writeObject, type Elements } from './write_object';

/**
 * A slice with its heat map.
 *
 * @inline
 */
export interface MappedImage extends SourceImage {
  /** The model's input, 0..1, row by row. */
  pixels: ArrayLike<number>;
  /** Its heat map, 0..1, row by row, from `gradCam`. */
  map: ArrayLike<number>;
}

/**
 * Options of {@link dicomHeatMaps}.
 *
 * @inline
 */
export interface DicomHeatMapOptions {
  /** The explained model. */
  model: ReportedModel;
  /** The label whose decision the maps explain. */
  label: string;
  rows: number;
  columns: number;
  /**
   * The label's code, by the label's name.
   * @defaultValue SNOMED CT's for `CT_LABELS` and `RSNA_LABELS`; other labels need one
   */
  codes?: Readonly<Record<string, DicomCode>>;
  /**
   * Directions of rows and columns in the patient's coordinates, as in a series.
   * @defaultValue not stated
   */
  orientation?: SliceOrientation | undefined;
  /**
   * Opacity of the colour where a map is 1, 0 to 1; proportionally less for smaller values.
   * @defaultValue 0.6
   */
  opacity?: number;
  /**
   * Date and time of creation.
   * @defaultValue now
   */
  date?: Date;
}

const isVector = (value: unknown) =>
  Array.isArray(value) && value.length === 3 && value.every(Number.isFinite);

const RULES = {
  model: MODEL,
  label: rule<string>('a name', (label) => typeof label === 'string' && label !== ''),
  rows: positiveInteger,
  columns: positiveInteger,
  codes: optional(CODES, {}),
  orientation: optional(
    rule<SliceOrientation>(
      'two directions of three numbers',
      (value) => Array.isArray(value) && value.length === 2 && value.every(isVector),
    ),
  ),
  opacity: optional(share, HEAT_OPACITY),
  date: DATE,
} satisfies Rules<DicomHeatMapOptions>;

const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';

/** Scale of the letters, and margin around a line below an image, in pixels. */
const SCALE = 1;
const MARGIN = 3;
const LINE = TEXT_HEIGHT * SCALE + MARGIN;
const WHITE: Rgb = [235, 235, 235];

/**
 * Heat maps as DICOM images (Secondary Capture, RGB), one file per slice, all in one series, which any viewer can show.
 *
 * The label of the map and a note that it is not for clinical use are written below each image. Patient, study, UIDs
 * and the use of dcmjs are as for {@link dicomReport}; each file references its source image.
 *
 * @param images - The stack, in order from feet to head, with the values to draw for each slice.
 * @returns DICOM files, in the order of the images.
 * @throws DataError for an image without a required attribute, or of another study; ArgumentError for values that do
 * not match; CtMultilabelError if dcmjs is not installed.
 * @example
 * ```ts
 * const [pixels, map] = [await images.data(), await maps.data()];
 * const files = await dicomHeatMaps([{ bytes, file: 'IM0001.dcm', pixels, map }], {
 *   model: { name: 'head CT', version: '2024-05' },
 *   label: 'ich',
 *   rows: 224,
 *   columns: 224,
 * });
 * ```
 */
export async function dicomHeatMaps(
  images: readonly MappedImage[],
  options: DicomHeatMapOptions,
): Promise<Uint8Array[]> {
  const what = 'dicomHeatMaps';
  const { model, label, codes, date, ...drawing } = resolveOptions(what, options, RULES);
  const { rows, columns, orientation } = drawing;
  const [concept] = labelCodes(what, [label], codes) as [DicomCode];
  const sources = readSources(what, images);
  images.forEach(({ pixels, map }, i) => {
    for (const [name, values] of Object.entries({ pixels, map })) {
      const fits = values?.length === rows * columns;
      check(fits, `${what}: images[${i}].${name}`, `${rows} x ${columns} numbers`, values?.length);
    }
  });

  const { studyUid } = sources[0]!;
  const ids = [studyUid, model.name, model.version, ...sources.map(nameOf).sort()];
  const uid = (...names: string[]) => derivedUid('heat map', ...ids, label, ...names);
  const seriesUid = await uid('series');
  const description = `AI heat map: ${label}, not for clinical use`;
  const files: Uint8Array[] = [];
  for (const [i, source] of sources.entries()) {
    const elements = {
      ...resultElements(source, model, date),
      ...source.lossy,
      SOPClassUID: SECONDARY_CAPTURE,
      SOPInstanceUID: await uid('instance', nameOf(source)),
      Modality: 'OT',
      SeriesInstanceUID: seriesUid,
      SeriesNumber: '9001',
      SeriesDescription: shortText(description),
      BodyPartExamined: 'HEAD',
      InstanceNumber: String(i + 1),
      PatientOrientation: orientation?.map(lettersOf) ?? '',
      ConversionType: 'WSD',
      ImageType: ['DERIVED', 'SECONDARY'],
      ImageComments: NOT_FOR_CLINICAL_USE,
      DerivationDescription: `Heat map of ${concept.meaning}`,
      SourceImageSequence: [
        {
          ...referenceTo(source),
          PurposeOfReferenceCodeSequence: [
            codeItem(dcm('121322', 'Source Image for Image Processing Operation')),
          ],
        },
      ],
      BurnedInAnnotation: 'NO', // refers to patient data only
    };
    files.push(await writeObject({ ...elements, ...picture(images[i]!, label, drawing) }));
  }
  return files;
}

/** A slice overlaid with its map, and the caption below. */
function picture(
  { pixels, map }: MappedImage,
  label: string,
  { rows, columns, opacity }: { rows: number; columns: number; opacity: number },
): Elements {
  const lines = caption(label, columns);
  const height = rows + lines.length * LINE + MARGIN;
  const size = 3 * columns * height;
  // an element's length is even
  const canvas = { data: new Uint8Array(size + (size % 2)), width: columns, height };
  for (let pixel = 0; pixel < rows * columns; pixel++) {
    canvas.data.set(overlaid(grayLevel(pixels[pixel]!), unit(map[pixel]!), opacity), 3 * pixel);
  }
  for (const [i, line] of lines.entries()) {
    const left = Math.floor((columns - textWidth(line, SCALE)) / 2);
    drawText(canvas, line, left, rows + MARGIN + i * LINE, WHITE, SCALE);
  }
  return {
    SamplesPerPixel: 3,
    PhotometricInterpretation: 'RGB',
    PlanarConfiguration: 0,
    Rows: height,
    Columns: columns,
    BitsAllocated: 8,
    BitsStored: 8,
    HighBit: 7,
    PixelRepresentation: 0,
    PixelData: canvas.data.buffer,
  };
}

/** The label and the note on clinical use, in one line, or in two if the image is too narrow. */
function caption(label: string, columns: number): string[] {
  const fits = (line: string) => textWidth(line, SCALE) <= columns;
  const whole = `${label}: not for clinical use`;
  if (fits(whole)) return [whole];
  const warning = ['not for clinical use', 'no clinical use'].find(fits) ?? '';
  return [label, warning].filter((line) => line !== '' && fits(line));
}

const shortText = (text: string) => [...text].slice(0, 64).join('');
