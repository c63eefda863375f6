import cliProgress from 'cli-progress';
import { anything, optional, resolveOptions, type Rules } from '../../base/options';
import type { EpochLog, TrainingProgress } from '../../training/stages/fit_stage';

/**
 * Options of {@link trainingProgressBar}.
 *
 * @inline
 */
export interface ProgressBarOptions {
  /**
   * Where the bar and the lines go.
   * @defaultValue `process.stdout`
   */
  stream?: NodeJS.WriteStream;
}

const RULES = { stream: optional(anything) } satisfies Rules<ProgressBarOptions>;

/**
 * A bar for the steps of an epoch, and a line for each epoch done.
 *
 * @inline
 */
export interface TrainingProgressBar {
  /** Moves the epoch's bar. */
  onProgress: (progress: TrainingProgress) => void;
  /** Ends the epoch's bar and prints its line. */
  onEpochEnd: (log: EpochLog) => void;
  /** Takes the bar off the screen, e.g. after an error. */
  stop: () => void;
}

/**
 * Shows a training on the terminal: a bar with the running loss and F2, and one line an epoch. Without a terminal a line
 * is printed every 15 seconds instead.
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
    '{stage} epoch {epoch}/{epochs} |{bar}| {value}/{total} | {eta_formatted} left | loss {loss} | F2 {f2}';
  let bar: cliProgress.SingleBar | undefined;
  const stop = () => {
    bar?.stop();
    bar = undefined;
  };
  return {
    stop,
    onProgress: ({ stage, epoch, epochs, step, steps, loss, f2 }) => {
      if (!bar) {
        bar = new cliProgress.SingleBar(
          {
            format,
            stream,
            barsize: 24,
            hideCursor: false, // Ctrl-C ends the process before anyone could show it again
            clearOnComplete: true,
            noTTYOutput: true,
            notTTYSchedule: 15_000,
          },
          cliProgress.Presets.shades_classic,
        );
        bar.start(steps, 0, { stage, epoch, epochs, loss: '-', f2: '-' });
      }
      bar.update(step, { stage, epoch, epochs, loss: loss.toFixed(4), f2: f2.toFixed(3) });
      if (step === steps) stop(); // validation follows, which has no steps
    },
    onEpochEnd: (log) => {
      stop();
      const { stage, epoch, loss, f2, validationLoss, validationF2, best, seconds } = log;
      const validation = `validation loss ${validationLoss?.toFixed(4) ?? '-'} F2 ${validationF2.toFixed(3)}`;
      const line = `${stage} epoch ${epoch}: loss ${loss.toFixed(4)} F2 ${f2.toFixed(3)}, ${validation}, ${seconds.toFixed(1)} s`;
      stream.write(`${line}${best ? ' (best so far)' : ''}\n`);
    },
  };
}
