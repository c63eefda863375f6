import { check } from '../../base/checks';
import { DataError } from '../../base/errors';
import type { Labels } from '../../base/types';
import { checkName } from '../tables/slice_names';
import { loadSlices, type PatientSource, type PatientStack } from './patient_source';

/**
 * A named study of {@link unionSource}.
 *
 * @inline
 */
export interface NamedStudy<L extends Labels = Labels> {
  /** Prefix of the ids of its stacks. */
  name: string;
  source: PatientSource<L>;
}

/**
 * Several studies as one source: their patients in the order of the studies.
 *
 * Stacks and persons (`groupOf`) are named `<study>/<patient>`, so that equal ids in two studies are different persons.
 * Slices keep their names. Everything else is that of the study; `loadAugmented` exists if all studies have it, and
 * `loadsAtOnce` is the largest of theirs. Members of an opened folder (`close`, `skipped`) remain with it.
 *
 * @throws ArgumentError for no study, two studies of one name, labels or preprocessing that differ from those of the
 * first study; DataError for a name that is a path. A load throws the study's DataError, with the study's name.
 * @example
 * ```ts
 * const study = unionSource([
 *   { name: 'clinic', source: await openStudy('clinic', { preprocessing }) },
 *   { name: 'rsna', source: await openStudy('rsna', { preprocessing }) },
 * ]);
 * study.patients; // ['clinic/ID_001', ..., 'rsna/ID_001', ...]
 * ```
 */
export function unionSource<L extends Labels>(studies: readonly NamedStudy<L>[]): PatientSource<L> {
  checkStudies(studies);
  const places = new Map<string, Place>();
  for (const { name, source } of studies) {
    for (const patient of source.patients) places.set(`${name}/${patient}`, { name, source, patient });
  }
  const placeOf = (id: string): Place => {
    const place = places.get(id);
    check(place !== undefined, 'unionSource: patient', 'a patient of the union, <study>/<patient>', id);
    return place;
  };
  const load = async (id: string, run: (place: Place) => Promise<PatientStack>): Promise<PatientStack> => {
    const place = placeOf(id);
    try {
      return { ...(await run(place)), patient: id };
    } catch (error) {
      throw error instanceof DataError ? inStudy(place.name, id, error) : error;
    }
  };

  const sources = studies.map(({ source }) => source);
  const loadsAtOnce = Math.max(...sources.map((source) => source.loadsAtOnce ?? 1));
  return {
    labels: sources[0]!.labels,
    patients: [...places.keys()],
    sliceNames: (id) => {
      const { source, patient } = placeOf(id);
      return source.sliceNames(patient);
    },
    sliceLabels: (id) => {
      const { source, patient } = placeOf(id);
      return source.sliceLabels(patient);
    },
    labelsOf: !sources.some((source) => source.labelsOf)
      ? undefined
      : (id) => {
          const { source, patient } = placeOf(id);
          return source.labelsOf?.(patient);
        },
    groupOf: !sources.some((source) => source.groupOf)
      ? undefined
      : (id) => {
          const { name, source, patient } = placeOf(id);
          return `${name}/${source.groupOf?.(patient) ?? patient}`;
        },
    fingerprints: !sources.some((source) => source.fingerprints)
      ? undefined
      : async (id) => {
          const { source, patient } = placeOf(id);
          return source.fingerprints?.(patient);
        },
    load: (id) => load(id, ({ source, patient }) => source.load(patient)),
    loadSlices: !sources.some((source) => source.loadSlices)
      ? undefined
      : (id, indices) => load(id, ({ source, patient }) => loadSlices(source, patient, indices)),
    // if one study lacks it, the caller augments: the same result, but on the calling thread
    loadAugmented: !sources.every((source) => source.loadAugmented)
      ? undefined
      : (id, draw, indices) =>
          load(id, ({ source, patient }) => source.loadAugmented!(patient, draw, indices)),
    preprocessing: sources[0]!.preprocessing,
    loadsAtOnce: loadsAtOnce > 1 ? loadsAtOnce : undefined,
  };
}

/** The origin of a stack of the union. */
interface Place {
  name: string;
  source: PatientSource;
  /** The stack's id in the study. */
  patient: string;
}

/** The same error with the study's name. */
function inStudy(name: string, id: string, error: DataError): DataError {
  const named = new DataError(`study ${name}: ${error.message}`, {}, { cause: error });
  return Object.assign(named, { location: { ...error.location, patient: id } });
}

function checkStudies(studies: readonly NamedStudy[]): void {
  const what = 'unionSource: studies';
  check(Array.isArray(studies) && studies.length > 0, what, 'a list of at least one study', studies);
  const seen = new Set<string>();
  for (const study of studies) {
    check(typeof study?.name === 'string', what, 'a name and a source of each study', study);
    const { name, source } = study;
    checkName('study', name, {});
    check(!seen.has(name), what, 'each name once', name);
    seen.add(name);
    check(typeof source?.load === 'function', `${what}, ${name}`, 'a PatientSource', source);
    const [first] = studies;
    const sameLabels = JSON.stringify(source.labels) === JSON.stringify(first!.source.labels);
    const theirLabels = `those of ${first!.name}, ${first!.source.labels.join(', ')}, in this order${difference(first!.source.labels, source.labels)}`;
    check(sameLabels, `${what}, labels of ${name}`, theirLabels, source.labels);
    const samePreparation =
      JSON.stringify(source.preprocessing) === JSON.stringify(first!.source.preprocessing);
    const theirs = `that of ${first!.name}, ${JSON.stringify(first!.source.preprocessing)}`;
    check(samePreparation, `${what}, preprocessing of ${name}`, theirs, source.preprocessing);
  }
}

/** Missing and additional labels, for the message. */
function difference(expected: Labels, found: Labels): string {
  const missing = expected.filter((label) => !found.includes(label));
  const extra = found.filter((label) => !expected.includes(label));
  return [
    missing.length > 0 ? `; missing ${missing.join(', ')}` : '',
    extra.length > 0 ? `; not among them ${extra.join(', ')}` : '',
  ].join('');
}
