/** The studies of the ablation, and the features of their slices, extracted once and stored on disk. */
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {
  backboneOf,
  buildCtBrainModel,
  createPreprocessing,
  extractFeatures,
  featureSource,
  flip,
  loadTorchWeights,
  preprocessedChannels,
  pretrainBackbone,
  readSafetensors,
  splitByPatient,
  subset,
  writeSafetensors,
  type PatientSource,
  type PatientStack,
} from 'ct-multilabel';
import { detectStudy, openStudy, writePhantomStudy } from 'ct-multilabel/node';
import type { Args } from '../src/cli/command_line';
import { warnOfProblems } from '../src/cli/studies/study_problems';
import { progressLine } from '../src/cli/terminal';
import type { OPTIONS } from './ablation';
import { writeFileAtomic } from '../src/node/files/atomic_write';
import type { CtPreprocessingOptions } from '../src/transforms/preprocessing';
import type { CtWindowName, HuWindow } from '../src/transforms/hu_window';

/**
 * Input of the backbone: single slices, with neighbours or three windows as channels; or slices for a backbone trained
 * on phantoms first.
 */
export type FeatureKind = 'plain' | 'neighbors' | 'windows' | 'phantom';

/** Patients of a fold on which a backbone may be trained. */
export interface FoldPatients {
  repeat: number;
  fold: number;
  train: string[];
  validation: string[];
}

/** A wide brain window, a narrower one, and one for blood, all within the range of slices exported at 40 +- 60 HU. */
const THREE_WINDOWS: HuWindow[] = [
  { center: 40, width: 120 },
  { center: 40, width: 80 },
  { center: 70, width: 50 },
];

/** Opens the studies and extracts the features that the command line specifies. */
export class AblationFeatures {
  private readonly studies = new Map<FeatureKind, Promise<PatientSource>>();

  constructor(private readonly args: Args<typeof OPTIONS>) {}

  private get out(): string {
    return this.args.out;
  }

  /** Whether slices are in HU, so that windows can be chosen. */
  async hasHounsfield(): Promise<boolean> {
    if (this.args.imageWindow !== undefined) return true;
    return (await detectStudy(await this.studyFolder())).format === 'dicom';
  }

  /** The study to compare on. */
  study(kind: FeatureKind = 'plain'): Promise<PatientSource> {
    const open = this.studies.get(kind) ?? this.openStudy(kind);
    this.studies.set(kind, open);
    return open;
  }

  private async openStudy(kind: FeatureKind): Promise<PatientSource> {
    const { args } = this;
    const window = args.imageWindow as CtWindowName | undefined;
    const study = await openStudy(await this.studyFolder(), {
      preprocessing: createPreprocessing(await this.preprocessing(kind)),
      labels: args.labels,
      cacheFolder: path.join(this.out, 'slices'),
      ...(window !== undefined && { imageWindow: window }),
      allow: args.allow,
    });
    if (kind === 'plain') warnOfProblems(study); // the same files for every kind
    return study;
  }

  /** Features of the study's patients. Without fine-tuning, all folds share them. */
  async ofStudy(kind: FeatureKind, fold: FoldPatients, { mirrored = false } = {}): Promise<PatientSource> {
    const study = await this.study(kind);
    const name = [this.backboneName(kind, fold), ...(mirrored ? ['mirrored'] : [])].join('-');
    return this.extracted(name, mirrored ? mirrorOf(study) : study, kind, fold, mirrored ? 0 : undefined);
  }

  /** Features of phantom patients, by the same backbone. */
  async ofPhantoms(kind: FeatureKind, fold: FoldPatients): Promise<PatientSource> {
    const name = `${this.backboneName(kind, fold)}-phantoms`;
    return this.extracted(name, await this.phantoms(kind), kind, fold);
  }

  private backboneName(kind: FeatureKind, { repeat, fold }: FoldPatients): string {
    const tuned = this.args.fineTune > 0;
    return [tuned ? `fold-${repeat}-${fold}` : 'frozen', ...(kind === 'plain' ? [] : [kind])].join('-');
  }

  private async preprocessing(kind: FeatureKind): Promise<CtPreprocessingOptions> {
    const size = this.args.imageSize;
    const windows = this.args.windows?.split(',') as CtWindowName[] | undefined;
    const inHu = windows === undefined && kind !== 'windows' && (await this.hasHounsfield());
    return {
      imageSize: [size, size],
      ...(kind === 'neighbors' && { neighbors: 1 }),
      ...(inHu && { windows: ['brainWide'] }),
      ...(windows && { windows }),
      ...(kind === 'windows' && { windows: THREE_WINDOWS }),
    };
  }

  private async studyFolder(): Promise<string> {
    const data = this.args.data;
    if (data !== undefined) return data;
    return this.phantomFolder('study', {
      patients: this.args.phantom,
      slices: 16,
      size: 128,
      difficulty: this.args.difficulty,
    });
  }

  /** Patients for training only: other and easier ones than those of `--phantom`. */
  private async phantoms(kind: FeatureKind): Promise<PatientSource> {
    const folder = await this.phantomFolder('phantoms', {
      ...{ patients: 80, slices: 24, size: this.args.imageSize, difficulty: 0.3 },
    });
    const { windows: _, ...preprocessing } = await this.preprocessing(kind);
    return openStudy(folder, {
      preprocessing: createPreprocessing(preprocessing),
      labels: this.args.labels,
      cacheFolder: path.join(this.out, 'slices'),
    });
  }

  /** A synthetic study, generated if it does not exist yet. */
  private async phantomFolder(
    name: string,
    options: { patients: number; slices: number; size: number; difficulty: number },
  ): Promise<string> {
    const folder = path.join(this.out, name);
    if (!existsSync(path.join(folder, 'train.csv'))) {
      await writePhantomStudy(folder, {
        ...options,
        // as in a trauma centre: enough cases of each kind for training
        prevalence: { ich: 0.4, ivh: 0.25, sah: 0.25, sdh: 0.25, edh: 0.2 },
        seed: this.args.seed + (name === 'study' ? 0 : 1000),
      });
    }
    return folder;
  }

  private async extracted(
    name: string,
    source: PatientSource,
    kind: FeatureKind,
    fold: FoldPatients,
    versions = this.args.versions,
  ): Promise<PatientSource> {
    const file = path.join(this.out, 'features', `${name}.safetensors`);
    if (!existsSync(file)) {
      const backbone = await this.backbone(kind, fold);
      const bar = progressLine(`extracting ${name} features of patients`);
      const features = await extractFeatures(backbone, source, {
        versions,
        seed: this.args.seed,
        onProgress: ({ done, total }) => bar.show(done, total),
      });
      bar.end();
      backbone.dispose();
      await writeFeatures(file, features);
    }
    return featureSource(source, await readFeatures(file, source.patients));
  }

  /**
   * The backbone with its ImageNet weights, trained on phantoms for the kind `'phantom'`, and on the fold's slices with
   * `--fine-tune`.
   */
  private async backbone(kind: FeatureKind, fold: FoldPatients): Promise<tf.LayersModel> {
    const { args } = this;
    const study = await this.study(kind);
    const weights = args.backboneWeights;
    const size = args.imageSize;
    const channels = preprocessedChannels(createPreprocessing(await this.preprocessing(kind)));
    const seed = args.seed;
    const plain = buildCtBrainModel({
      variant: 'VGG16',
      backbone: args.backbone,
      inputShape: [size, size, channels],
      normalize: weights !== undefined,
      labels: study.labels,
      seed,
    });
    const backbone = backboneOf(plain);
    if (weights) {
      const state = readSafetensors(await readFile(weights));
      loadTorchWeights(backbone, state);
      tf.dispose(state);
    }
    const train = async (what: string, source: PatientSource, patients: FoldPatients, epochs: number) => {
      await pretrainBackbone(plain, {
        train: subset(source, patients.train),
        validation: subset(source, patients.validation),
        epochs,
        seed,
        threshold: 0.5,
        onEpochEnd: ({ epoch, loss, validationF2 }) =>
          console.log(
            `${what}, epoch ${epoch}: loss ${loss.toFixed(4)}, validation F2 ${validationF2.toFixed(3)}`,
          ),
      });
    };
    if (kind === 'phantom') {
      const phantoms = await this.phantoms(kind);
      const split = splitByPatient(phantoms.patients, { validationFraction: 0.2, seed });
      await train('backbone on phantoms', phantoms, { ...fold, ...split }, args.phantomEpochs);
    }
    if (args.fineTune > 0) await train('fine-tuning', study, fold, args.fineTune);
    return backbone;
  }
}

/** The same patients with images mirrored left to right. */
function mirrorOf(source: PatientSource): PatientSource {
  return {
    labels: source.labels,
    patients: source.patients,
    sliceNames: (patient) => source.sliceNames(patient),
    sliceLabels: (patient) => source.sliceLabels(patient),
    load: async (patient): Promise<PatientStack> => {
      const stack = await source.load(patient);
      const images = flip(stack.images, 'horizontal');
      stack.images.dispose();
      return { ...stack, images };
    },
  };
}

async function writeFeatures(file: string, features: ReadonlyMap<string, Float32Array[]>): Promise<void> {
  const tensors: Record<string, tf.Tensor> = {};
  for (const [patient, versions] of features) {
    versions.forEach(
      (values, version) => (tensors[JSON.stringify([patient, version])] = tf.tensor1d(values)),
    );
  }
  await mkdir(path.dirname(file), { recursive: true });
  await writeFileAtomic(file, await writeSafetensors(tensors));
  tf.dispose(tensors);
}

async function readFeatures(file: string, patients: readonly string[]): Promise<Map<string, Float32Array[]>> {
  const tensors = readSafetensors(await readFile(file));
  const features = new Map(patients.map((patient) => [patient, [] as Float32Array[]]));
  for (const [name, tensor] of Object.entries(tensors)) {
    const [patient, version] = JSON.parse(name) as [string, number];
    features.get(patient)![version] = (await tensor.data()) as Float32Array;
  }
  tf.dispose(tensors);
  return features;
}
