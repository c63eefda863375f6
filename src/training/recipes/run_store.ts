import * as tf from '@tensorflow/tfjs';
import type { PatientSource } from '../../data/sources/source_types';
import type { CheckpointDescription } from '../../saving/checkpoint_format';
import { adam } from '../../optimizers/adam';
import type { EpochLog, StageState } from '../stages/stage_log';
import type { TrainingOptions } from '../stages/stage';

/**
 * Options of a stage of a run.
 *
 * @inline
 */
export interface RunStageOptions {
  model: tf.LayersModel;
  /** Learning rate of its Adam. */
  learningRate: number;
  /** Description of the model for its checkpoints. */
  description: CheckpointDescription;
  /** Name of its best checkpoint. */
  best: string;
  /**
   * Whether the stage is resumed where it was interrupted; otherwise it starts again.
   * @defaultValue true
   */
  resumable?: boolean;
  /** Called after an epoch has been written. */
  onEpochEnd?: (log: EpochLog) => void;
}

/**
 * What {@link RunStore.stage} returns, to be spread into the options of `pretrainBackbone`, `warmUpHead` or
 * `trainPatients` (`...stage`; its method is not copied).
 */
export class RunStage implements Pick<
  TrainingOptions,
  'optimizer' | 'onEpochEnd' | 'onCheckpoint' | 'resume' | 'bestWeights'
> {
  /** The stage's optimizer, with the state it had when interrupted. */
  readonly optimizer: tf.Optimizer;
  /** Writes the result of an epoch. */
  readonly onEpochEnd: (log: EpochLog, state: StageState) => Promise<void>;
  /** Writes what is needed to resume within an epoch; missing if the stage is not resumable. */
  readonly onCheckpoint?: (state: StageState) => Promise<void>;
  /** The position at which the stage was interrupted, if it was. */
  readonly resume?: StageState;
  /** The best epoch's weights, if the stage was interrupted. */
  readonly bestWeights?: tf.Tensor[];

  /** @internal */
  constructor(parts: Omit<RunStage, 'dispose'>) {
    this.optimizer = parts.optimizer;
    this.onEpochEnd = parts.onEpochEnd;
    this.onCheckpoint = parts.onCheckpoint;
    this.resume = parts.resume;
    this.bestWeights = parts.bestWeights;
  }

  /** Frees the optimizer and the best weights. */
  dispose(): void {
    this.optimizer.dispose();
    if (this.bestWeights) tf.dispose(this.bestWeights);
  }
}

/** Stores the state that training needs to continue: a folder in Node (`openTrainingRun`), or {@link memoryRun}. */
export interface RunStore {
  /** Name of the stage in which training was interrupted. */
  readonly interruptedStage: string | undefined;
  /** Every epoch so far, of all stages. */
  readonly history: EpochLog[];
  /**
   * Optimizer and checkpoint writing for a stage; if the run was interrupted in it, model and optimizer are restored.
   */
  stage(name: string, options: RunStageOptions): Promise<RunStage>;
  /**
   * Records the study of a new run, and compares that of a resumed one with the record. Sources without `fingerprints`
   * are left out.
   *
   * @param sources - By the name that an error calls them.
   */
  checkStudy?(sources: Readonly<Record<string, PatientSource>>): Promise<void>;
  /** Writes a checkpoint; `fitted` are the patients that its thresholds were fitted on. */
  save(
    name: string,
    model: tf.LayersModel,
    description: CheckpointDescription,
    fitted?: readonly string[],
  ): Promise<void>;
  /** Loads a checkpoint's weights into a model of the same form. */
  restore(name: string, model: tf.LayersModel): Promise<void>;
  /** Called when training has ended or failed: another process may then train there. */
  close?(): Promise<void>;
}

/**
 * What {@link memoryRun} returns.
 *
 * @inline
 */
export interface MemoryRun extends RunStore {
  /** Frees the stored weights. */
  dispose(): void;
}

/**
 * A {@link RunStore} that keeps the best weights of each stage in memory only.
 *
 * @example
 * ```ts
 * const { model: trained } = await trainRecipe(model, { run: memoryRun(), train, validation, seed: 1, description });
 * ```
 */
export function memoryRun(): MemoryRun {
  const history: EpochLog[] = [];
  const kept = new Map<string, tf.Tensor[]>();
  const keep = (name: string, model: tf.LayersModel) => {
    tf.dispose(kept.get(name));
    kept.set(name, model.getWeights().map((weight) => tf.keep(weight.clone()))); // prettier-ignore
  };
  return {
    interruptedStage: undefined,
    history,
    stage: async (_, { model, learningRate, best, onEpochEnd }) =>
      new RunStage({
        optimizer: adam(learningRate),
        onEpochEnd: async (log) => {
          history.push(log);
          if (log.best) keep(best, model);
          onEpochEnd?.(log);
        },
      }),
    save: async (name, model) => keep(name, model),
    restore: async (name, model) => model.setWeights(kept.get(name)!),
    dispose: () => {
      for (const weights of kept.values()) tf.dispose(weights);
      kept.clear();
    },
  };
}
