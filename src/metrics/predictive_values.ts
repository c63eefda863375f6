import { check } from '../base/errors';

/** What a finding, and its absence, say of a patient. */
export interface PredictiveValues {
  /** Positive predictive value: share of the found that have the label; undefined where nothing is ever found. */
  ppv: number | undefined;
  /** Negative predictive value: share of the not found that do not have it; undefined where everything is found. */
  npv: number | undefined;
}

/**
 * Positive and negative predictive value at a stated prevalence: what a decision means where it will be used, rather than in the test
 * set, whose share of positives is often larger.
 *
 * `PPV = sens * prev / (sens * prev + (1 - spec) (1 - prev))`, `NPV = spec (1 - prev) / (spec (1 - prev) + (1 - sens) prev)` (Bayes).
 *
 * A good ranking is not enough: a model with an area under the ROC curve of .84 (sensitivity 73%, specificity 79%) had a positive
 * predictive value of 19% in an accident and emergency department where 6% of the scans showed a hemorrhage (Abrigo et al. 2023).
 *
 * @param sensitivity - Recall, in [0, 1]; undefined where it is not known, and then so are the values.
 * @param specificity - In [0, 1], or undefined.
 * @param prevalence - Share of patients (or slices, where the rates are of slices) that have the label, in [0, 1].
 *
 * @throws {@link ArgumentError} for a number outside [0, 1].
 *
 * @example
 * ```ts
 * predictiveValues(0.73, 0.79, 0.061); // { ppv: 0.18, npv: 0.98 }
 * ```
 *
 * Altman and Bland, "Diagnostic tests 2: Predictive values", BMJ 1994; Abrigo et al., "Artificial intelligence for detection of
 * intracranial haemorrhage on head computed tomography scans: diagnostic accuracy in Hong Kong", Hong Kong Medical Journal 2023
 */
export function predictiveValues(
  sensitivity: number | undefined,
  specificity: number | undefined,
  prevalence: number,
): PredictiveValues {
  for (const [name, value] of Object.entries({ sensitivity, specificity, prevalence })) {
    const ok = (value === undefined && name !== 'prevalence') || (value! >= 0 && value! <= 1);
    check(ok, `predictiveValues: ${name}`, 'a number in [0, 1]', value);
  }
  if (sensitivity === undefined || specificity === undefined) return { ppv: undefined, npv: undefined };
  const share = (right: number, wrong: number) => (right + wrong === 0 ? undefined : right / (right + wrong));
  return {
    ppv: share(sensitivity * prevalence, (1 - specificity) * (1 - prevalence)),
    npv: share(specificity * (1 - prevalence), (1 - sensitivity) * prevalence),
  };
}
