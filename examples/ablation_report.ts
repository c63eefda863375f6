import type { Labels } from 'ct-multilabel';
import type { Arrangement } from './ablation_arrangements';

/** Probabilities and truth of a patient's slices, `[slices][labels]`. */
export interface PatientScores {
  patient: string;
  probabilities: number[][];
  truth: number[][];
}

/** One arrangement on one fold. */
export interface Run {
  arrangement: Arrangement;
  repeat: number;
  fold: number;
  /** Patients that the model never saw. */
  test: PatientScores[];
  /** Patients that its best epoch was chosen by. */
  validation: PatientScores[];
}

export async function report(
  _out: string,
  runs: Run[],
  _labels: Labels,
  _about: { command: string; seed: number; patients: number },
): Promise<void> {
  const counts = new Map<string, [number, number, number]>();
  for (const { arrangement, test } of runs) {
    const c = counts.get(arrangement.name) ?? [0, 0, 0];
    for (const { probabilities, truth } of test)
      probabilities.forEach((row, i) =>
        row.forEach((p, l) => {
          const [y, d] = [truth[i]![l]!, p >= 0.5];
          if (y && d) c[0]++;
          else if (y) c[1]++;
          else if (d) c[2]++;
        }),
      );
    counts.set(arrangement.name, c);
  }
  for (const [name, [tp, fn, fp]] of counts)
    console.log(name, ((5 * tp) / (5 * tp + 4 * fn + fp)).toFixed(3));
}
