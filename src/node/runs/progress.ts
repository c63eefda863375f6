import cliProgress from 'cli-progress';
import { anything, optional, resolveOptions, type Rules } from '../../base/options';
import type { EpochLog, TrainingProgress } from '../../training/stages/stage_log';
import { duration } from './duration';

/**
 * Options of {@link trainingProgressBar}.
 *
 * @inline
 */
export interface ProgressBarOptions {
  /**
   * Output of the bar and the lines.
   * @defaultValue process.stdout
   */
  stream?: NodeJS.WriteStream;
}

const RULES = { stream: optional(anything) } satisfies Rules<ProgressBarOptions>;

/**
 * A bar for the steps of an epoch, and a line per finished epoch.
 *
 * @inline
 */
export interface TrainingProgressBar {
  /** Moves the epoch's bar. */
  onProgress: (progress: TrainingProgress) => void;
  /** Ends the epoch's bar and prints its line. */
  onEpochEnd: (log: EpochLog) => void;
  /** Removes the bar from the screen, e.g. after an error. */
  stop: () => void;
}

/** Units of the steps in the stages of a recipe; stacks of a single slice may share a step. */
const UNITS: Readonly<Record<string, string>> = {
  pretrain: 'batches',
  'warm-up': 'patients',
  patients: 'patients',
};

/**
 * Shows training progress on the terminal: a bar with the patients of the epoch, its remaining time, the running loss
 * and F2, the best validation F2 so far and the time that the stage takes without early stopping; and one line per
 * epoch. Without a terminal a line is printed every 15 seconds instead.
 *
 * @example
 * ```ts
 * const bar = trainingProgressBar();
 * await trainPatients(model, { train, validation, seed: 1, onProgress: bar.onProgress, onEpochEnd: bar.onEpochEnd });
 * ```
 */
export function trainingProgressBar(options: ProgressBarOptions = {}): TrainingProgressBar {
  const { stream = process.stdout } = resolveOptions('trainingProgressBar', options, RULES);
  const format =
    '{stage} epoch {epoch}/{epochs} |{bar}| {value}/{total} {unit}, {left} left | loss {loss} | F2 {f2}{known}';
  let bar: cliProgress.SingleBar | undefined;
  let first = { step: 0, at: 0 };
  let before: { stage: string; best: number; seconds: number } | undefined;
  /** Text from previous epochs of the stage. */
  const known = ({ stage, epoch, epochs, step, steps }: TrainingProgress) => {
    if (before?.stage !== stage) return '';
    const left = before.seconds * (epochs - epoch + 1 - step / steps);
    return ` (best validation ${before.best.toFixed(3)}) | stage at most ${duration(left)}`;
  };
  const stop = () => {
    bar?.stop();
    bar = undefined;
  };
  return {
    stop,
    onProgress: (progress) => {
      const { stage, epoch, epochs, step, steps, loss, f2 } = progress;
      if (!bar) {
        bar = new cliProgress.SingleBar(
          {
            format,
            stream,
            barsize: 16,
            hideCursor: false, // after Ctrl-C it could not be shown again
            clearOnComplete: true,
            noTTYOutput: true,
            notTTYSchedule: 15_000,
          },
          cliProgress.Presets.shades_classic,
        );
        const unit = UNITS[stage] ?? 'steps';
        bar.start(steps, 0, { stage, epoch, epochs, unit, left: '-', loss: '-', f2: '-', known: '' });
        first = { step, at: Date.now() };
      }
      const pace = (Date.now() - first.at) / 1000 / (step - first.step);
      const left = step > first.step ? duration(pace * (steps - step)) : '-';
      bar.update(step, { left, loss: loss.toFixed(4), f2: f2.toFixed(3), known: known(progress) });
      if (step === steps) stop(); // the validation that follows has no steps
    },
    onEpochEnd: (log) => {
      stop();
      const { stage, epoch, loss, f2, validationLoss, validationF2, best, seconds } = log;
      const earlier = before?.stage === stage ? before.best : 0;
      before = { stage, seconds, best: Math.max(earlier, validationF2) };
      const validation = `validation loss ${validationLoss?.toFixed(4) ?? '-'} F2 ${validationF2.toFixed(3)}`;
      const line = `${stage} epoch ${epoch}: loss ${loss.toFixed(4)} F2 ${f2.toFixed(3)}, ${validation}, ${seconds.toFixed(1)} s`;
      stream.write(`${line}${best ? ' (best so far)' : ''}\n`);
    },
  };
}
