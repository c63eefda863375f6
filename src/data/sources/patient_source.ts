import * as tf from '@tensorflow/tfjs';
import { check } from '../../base/checks';
import { DataError } from '../../base/errors';
import { integerFrom0, optional, resolveOptions, type Rules } from '../../base/options';
import { withoutUndefined } from '../../base/without_undefined';
import { IGNORED_LABEL, type Labels } from '../../base/types';
import { prefetch, type PrefetchOptions } from './prefetch';
import { checkedSliceLabels, checkLabelValues } from './slice_labels';
import type { PatientLabelSource, PatientSource, PatientStack } from './source_types';
import { checkedStack } from './stack_values';

export type { PatientLabelSource, PatientSource, PatientStack } from './source_types';

/**
 * Progress over patients, reported after each.
 *
 * @inline
 */
export interface PatientProgress {
  /** The patient just done. */
  patient: string;
  /** Patients done so far. */
  done: number;
  /** Patients in all. */
  total: number;
}

/** Refuses a source without patients, or with one that would count twice. */
export function checkSomePatients(what: string, { patients }: Pick<PatientSource, 'patients'>): void {
  check(patients.length > 0, what, 'at least one patient', patients);
  const twice =
    new Set(patients).size < patients.length && patients.find((id, i) => patients.indexOf(id) < i);
  check(!twice, `${what}: patients`, 'each patient once', twice);
}

/**
 * Frees the tensors of a stack.
 *
 * @example
 * ```ts
 * const stack = await study.load('ID_001');
 * disposeStack(stack); // images, and labels if there are any
 * ```
 */
export function disposeStack(stack: PatientStack): void {
  stack.images.dispose();
  stack.labels?.dispose();
}

/** Some slices of a whole stack, which is freed. */
export function takeSlices(stack: PatientStack, indices: readonly number[]): PatientStack {
  const taken = tf.tidy(() => ({
    images: tf.gather(stack.images, tf.tensor1d([...indices], 'int32')),
    labels: stack.labels && tf.gather(stack.labels, tf.tensor1d([...indices], 'int32')),
  }));
  disposeStack(stack);
  return { patient: stack.patient, slices: indices.map((index) => stack.slices[index]!), ...taken };
}

/** Some slices of a patient; a source that can only load whole patients loads all and keeps some. */
export async function loadSlices(
  source: PatientSource,
  patient: string,
  indices: readonly number[],
): Promise<PatientStack> {
  if (source.loadSlices) return source.loadSlices(patient, indices);
  const whole = await source.load(patient);
  const missing = indices.find((index) => index >= whole.slices.length);
  if (missing !== undefined) {
    disposeStack(whole);
    throw new DataError(`expected at least ${missing + 1} slices, found ${whole.slices.length}`, { patient });
  }
  return takeSlices(whole, indices);
}

/**
 * The labels of a patient: the source's `labelsOf` or, without it, 1 for each label that any of the slices has, else 0.
 *
 * @throws DataError if the source has no labels for the patient.
 * @example
 * ```ts
 * splitByPatient(study.patients, { seed: 1, stratifyBy: (patient) => patientLabels(study, patient) });
 * ```
 */
export function patientLabels(source: PatientLabelSource, patient: string): number[] {
  check(patientSet(source).has(patient), 'patientLabels: patient', 'a patient of the source', patient);
  const whole = source.labelsOf?.(patient);
  if (whole !== undefined) return [...whole];
  return patientTargets(source, patient).map((label) => (label === 1 ? 1 : 0));
}

/**
 * {@link patientLabels} for training and evaluation: if no slice is known to have a label, and some slice is not
 * labelled, the patient is not labelled either (-1).
 *
 * @throws DataError if the source has no labels for the patient, or labels other than 0, 1 and -1.
 */
export function patientTargets(source: PatientLabelSource, patient: string): number[] {
  const whole = source.labelsOf?.(patient);
  if (whole !== undefined) {
    checkLabelValues(source, whole, { patient });
    return [...whole];
  }
  const slices = checkedSliceLabels(source, patient);
  if (slices === undefined) throw new DataError('the patient has no labels', { patient });
  return source.labels.map((_, label) => {
    const values = slices.map((slice) => slice[label]);
    return values.includes(1) ? 1 : values.includes(IGNORED_LABEL) ? IGNORED_LABEL : 0;
  });
}

/** The patients of a source as a set, made once for each list, which may have tens of thousands. */
function patientSet({ patients }: PatientLabelSource): ReadonlySet<string> {
  const known = patientSets.get(patients) ?? new Set(patients);
  patientSets.set(patients, known);
  return known;
}
const patientSets = new WeakMap<readonly string[], ReadonlySet<string>>();

/**
 * The same source with only these patients, in this order.
 *
 * @throws ArgumentError for a patient that is not in the source or is listed twice.
 * @example
 * ```ts
 * const train = subset(study, splitByPatient(study.patients, { seed: 1 }).train);
 * ```
 */
export function subset<L extends Labels>(
  source: PatientSource<L>,
  patients: readonly string[],
): PatientSource<L> {
  checkPatients('subset: patients', source, patients);
  check(new Set(patients).size === patients.length, 'subset: patients', 'each patient once', patients);
  const kept = new Set(patients);
  const only = (patient: string) => {
    check(kept.has(patient), 'subset: patient', 'one of the patients of the subset', patient);
    return patient;
  };
  return { ...forwarded(source, only), patients: [...kept] };
}

/** The same source with some members replaced; undefined removes a member. */
export function derive<L extends Labels>(
  source: PatientSource<L>,
  overrides: Partial<PatientSource<L>>,
): PatientSource<L> {
  return withoutUndefined({ ...forwarded(source, (patient) => patient), ...overrides });
}

/** Kind of each member of a source; a table that lacks one does not compile. */
const MEMBERS: Record<keyof PatientSource, 'value' | 'of a patient' | 'load'> = {
  labels: 'value',
  patients: 'value',
  preprocessing: 'value',
  loadsAtOnce: 'value',
  sliceNames: 'of a patient',
  sliceLabels: 'of a patient',
  labelsOf: 'of a patient',
  groupOf: 'of a patient',
  fingerprints: 'load',
  load: 'load',
  loadSlices: 'load',
  loadAugmented: 'load',
};

/** The members that a source has, called on the source itself, with the requested patient mapped by `of`. */
function forwarded<L extends Labels>(
  source: PatientSource<L>,
  of: (patient: string) => string,
): PatientSource<L> {
  const members = source as unknown as Record<string, unknown>;
  const call = (name: string, [patient, ...rest]: [string, ...unknown[]]) =>
    (members[name] as (...args: unknown[]) => unknown).call(source, of(patient), ...rest);
  const entries = Object.entries(MEMBERS).flatMap(([name, kind]) => {
    if (members[name] === undefined) return [];
    if (kind === 'value') return [[name, members[name]]];
    // an invalid patient rejects the promise of a load
    if (kind === 'load') return [[name, async (...args: [string]) => call(name, args)]];
    return [[name, (...args: [string]) => call(name, args)]];
  });
  return Object.fromEntries(entries) as PatientSource<L>;
}

const PREFETCH_RULES = { ahead: optional(integerFrom0) } satisfies Rules<Pick<PrefetchOptions, 'ahead'>>;

/**
 * Yields patients in `order`, loading the next ones while the current one is in use. Stacks are checked if they are in
 * memory: pixels must be finite and in 0..1 (except for features, images of one pixel), labels 0, 1 or -1.
 *
 * At most `ahead` stacks (default: as many as the source loads at once) are loaded in advance. For a patient that cannot
 * be loaded, the error is thrown in its turn, not before. The caller disposes each stack; leaving the loop early
 * disposes those loaded in advance.
 *
 * @throws NonFiniteError and DataError for invalid pixels or labels, with patient and slice.
 * @example
 * ```ts
 * for await (const stack of prefetchPatients(source, source.patients)) {
 *   console.log(stack.patient, stack.images.shape);
 *   disposeStack(stack);
 * }
 * ```
 */
export function prefetchPatients(
  source: PatientSource,
  order: readonly string[],
  options: Pick<PrefetchOptions, 'ahead'> = {},
): AsyncGenerator<PatientStack, void, undefined> {
  const { ahead = source.loadsAtOnce ?? 1 } = resolveOptions('prefetchPatients', options, PREFETCH_RULES);
  checkPatients('prefetchPatients: order', source, order);
  const load = async (patient: string) => checkedStack(source, await source.load(patient));
  return prefetch(order, load, { ahead, dispose: disposeStack });
}

function checkPatients(what: string, source: PatientSource, patients: readonly string[]): void {
  check(Array.isArray(patients), what, 'a list of patients', patients);
  const known = patientSet(source);
  for (const patient of patients) check(known.has(patient), what, 'patients of the source', patient);
}
