import { check, isRecord } from '../../base/checks';
import { optional, rule, type Rule } from '../../base/options';
import { VERSION } from '../../version';
import type { SourceHeader } from './source_image';
import type { Elements } from './write_object';

/**
 * The model that produced a result.
 *
 * @inline
 */
export interface ReportedModel {
  /** At most 64 characters. */
  name: string;
  /**
   * At most 64 characters; change it with weights, thresholds or preprocessing, since results of one version are
   * considered identical.
   */
  version: string;
}

/** Contained in every object. */
export const NOT_FOR_CLINICAL_USE = 'Research use only. Not for clinical use.';

const isName = (value: unknown) =>
  typeof value === 'string' && value.trim() !== '' && value.length <= 64 && !value.includes('\\');

export const MODEL: Rule<ReportedModel> = {
  check: (value, what) => {
    check(isRecord(value), what, '{ name, version }', value);
    for (const key of ['name', 'version']) {
      check(
        isName(value[key]),
        `${what}.${key}`,
        'a text of 1 to 64 characters without backslashes',
        value[key],
      );
    }
  },
};

export const DATE = optional(
  rule<Date>('a Date', (date) => date instanceof Date && Number.isFinite(date.getTime())),
);

/** Elements common to reports and images: patient, study, time of creation and software. */
export function resultElements(
  { patientAndStudy }: SourceHeader,
  model: ReportedModel,
  date: Date | undefined,
): Elements {
  const [day, time] = dicomTime(date ?? new Date());
  return {
    ...patientAndStudy,
    InstanceCreationDate: day,
    InstanceCreationTime: time,
    ContentDate: day,
    ContentTime: time,
    SeriesDate: day,
    SeriesTime: time,
    Manufacturer: 'ct-multilabel',
    ManufacturerModelName: model.name,
    SoftwareVersions: [model.version, `ct-multilabel ${VERSION}`],
  };
}

/** Date and time of day as DA and TM, in local time like those of the study. */
function dicomTime(date: Date): [day: string, time: string] {
  const two = (number: number) => String(number).padStart(2, '0');
  const day = `${String(date.getFullYear()).padStart(4, '0')}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  return [day, `${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`];
}
