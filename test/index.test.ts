import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import * as browser from '../src/index';
import * as node from '../src/node';

const source = (file: string) => fileURLToPath(new URL(`../src/${file}`, import.meta.url));

const resolve = (file: string, from: string) => `${path.resolve(path.dirname(file), from)}.ts`;

/** Every name a file exports, types too, once for each time it does. */
function exportedNames(file: string): string[] {
  const { statements } = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022);
  const own = statements.flatMap((statement) => {
    const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
    if (!modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
    const declared = ts.isVariableStatement(statement) ? statement.declarationList.declarations : [statement];
    return [...declared].map(
      (declaration) => ((declaration as ts.DeclarationStatement).name as ts.Identifier).text,
    );
  });
  const again = statements.filter(ts.isExportDeclaration).flatMap(({ exportClause, moduleSpecifier }) => {
    // `export * from`, or `export { … } from`
    if (!exportClause) return exportedNames(resolve(file, (moduleSpecifier as ts.StringLiteral).text));
    return ts.isNamedExports(exportClause) ? exportClause.elements.map(({ name }) => name.text) : [];
  });
  return [...own, ...again];
}

/** The files reached from one by imports of any kind, type imports and `import()` too, and the packages they name. */
function importGraph(start: string): { files: string[]; packages: string[] } {
  const files = new Set([start]);
  const packages = new Set<string>();
  for (const file of files) {
    for (const { fileName: from } of ts.preProcessFile(readFileSync(file, 'utf8'), true, true)
      .importedFiles) {
      if (from.startsWith('.')) files.add(resolve(file, from));
      else packages.add(from);
    }
  }
  return { files: [...files], packages: [...packages].sort() };
}

const VALUES = [
  'Adam',
  'ArgumentError',
  'AsymmetricLoss',
  'BACKBONES',
  'CQ500_COLUMNS',
  'CT_LABELS',
  'CT_LABEL_NAMES',
  'CT_WINDOWS',
  'CheckpointError',
  'CtMultilabelError',
  'DataError',
  'EarlyStopping',
  'FBetaScore',
  'FusedBatchNorm',
  'FusedConv2D',
  'GrayToRgb',
  'IGNORED_LABEL',
  'ImageNetNormalization',
  'LabelLinear',
  'LabelRNNDecoder',
  'NonFiniteError',
  'OutOfMemoryError',
  'PHANTOM_MIN_AREA',
  'PHANTOM_PREVALENCE',
  'PHANTOM_TISSUES',
  'POSTER_VARIANTS',
  'PerLabel',
  'PerSlice',
  'RSNA_LABELS',
  'RSNA_LABEL_WEIGHTS',
  'RSNA_TO_CT_LABELS',
  'ResidualNeck',
  'RsnaTableReader',
  'SliceConv1D',
  'SliceDependencyGRU',
  'SlicePooling',
  'VERSION',
  'WeightedLogLoss',
  'adam',
  'affine',
  'applyAugmentation',
  'asymmetricLoss',
  'backboneOf',
  'buildCtBrainModel',
  'cachedSource',
  'check',
  'checkKnownKeys',
  'checkNoLeak',
  'clahe',
  'colorJitter',
  'compose',
  'computeGradients',
  'confusionCounts',
  'createCheckpointManifest',
  'createPreprocessing',
  'decide',
  'deriveSeed',
  'describe',
  'disposeStack',
  'drawAugmentation',
  'duplicatesAcross',
  'evaluatePatients',
  'extractFeatures',
  'f2Metric',
  'fBetaScore',
  'featureBackbone',
  'featureSource',
  'findDuplicateSlices',
  'fitStage',
  'flip',
  'groupByPatient',
  'huWindow',
  'isPositiveInteger',
  'kFoldByPatient',
  'labelRuns',
  'labelStatistics',
  'loadTorchWeights',
  'makePhantomPatient',
  'makePhantomStudy',
  'neighborSlices',
  'nestedKFoldByPatient',
  'outputLevel',
  'parseCheckpointManifest',
  'parseKaggleTable',
  'parseScanTable',
  'patientLabels',
  'patientProbabilitiesTable',
  'predictPatientLevel',
  'predictPatients',
  'predictStack',
  'prefetch',
  'prefetchPatients',
  'prepareWasmBackend',
  'preprocess',
  'preprocessedChannels',
  'pretrainBackbone',
  'probabilitiesTable',
  'randomAugment',
  'readSafetensors',
  'resize',
  'resnet18',
  'rsnaSubmissionTable',
  'scanKey',
  'seededRandom',
  'shuffled',
  'sliceOrder',
  'sliceStem',
  'splitByPatient',
  'splitByShares',
  'splitMeasures',
  'squeezenet1_1',
  'submissionTable',
  'subset',
  'trainPatients',
  'trainStep',
  'trivialPredictors',
  'vgg16',
  'weightedLogLoss',
  'weightedLogLossMetric',
  'windowChannels',
  'writeSafetensors',
];
const NODE_VALUES = [
  'AIR_HU',
  'NoImageError',
  'TrainingRun',
  'backendReport',
  'decodeDicomSlice',
  'detectStudy',
  'findCheckpoint',
  'loadCheckpoint',
  'openDicomFolder',
  'openKaggleFolder',
  'openPatientFolder',
  'openStudy',
  'openTrainingRun',
  'parseDicomHeader',
  'readDicomHeader',
  'readDicomSeries',
  'readGrayImage',
  'readRsnaTable',
  'readScanTable',
  'recoverFolder',
  'restoreOptimizer',
  'restoreWeights',
  'saveCheckpoint',
  'scanDicomFolder',
  'trainRecipe',
  'trainingProgressBar',
  'useBackend',
  'wasmMemory',
  'writeContactSheet',
  'writeFileAtomic',
  'writeFolderAtomic',
  'writePatientProbabilities',
  'writePhantomStudy',
  'writeProbabilities',
  'writeRsnaSubmission',
  'writeSubmission',
];
const TYPES = [
  'Activation',
  'AffineOptions',
  'ApplyAugmentationOptions',
  'AsymmetricLossFn',
  'AsymmetricLossOptions',
  'AttentionPoolingOptions',
  'AugmentationDraw',
  'AugmentationRanges',
  'BackboneName',
  'BackboneOptions',
  'CachedSourceOptions',
  'CheckpointDescription',
  'CheckpointManifest',
  'ClaheOptions',
  'ClaheUint8Options',
  'ColorJitterOptions',
  'ConfusionCounts',
  'ConfusionCountsOptions',
  'Conv1DOptions',
  'CtBrainModelOptions',
  'CtLabel',
  'CtPreprocessing',
  'CtPreprocessingOptions',
  'CtWindowName',
  'DataLocation',
  'DuplicateSearchOptions',
  'DuplicateSlices',
  'EarlyStoppingState',
  'EpochLog',
  'EvaluateOptions',
  'Evaluation',
  'ExtractFeaturesOptions',
  'F2MetricOptions',
  'FBetaAverage',
  'FBetaOptions',
  'FitStageOptions',
  'FusedBatchNormArgs',
  'FusedConv2DArgs',
  'GRUOptions',
  'HuWindow',
  'ImageTransform',
  'InterruptedLabel',
  'KFoldOptions',
  'KaggleRow',
  'KaggleTableOptions',
  'Kwargs',
  'LRNNOptions',
  'LabelCount',
  'LabelLinearArgs',
  'LabelRNNDecoderArgs',
  'LabelRuns',
  'LabelStatistics',
  'Labels',
  'LeakCheckOptions',
  'LoadTorchWeightsOptions',
  'LossFn',
  'NeighborEdge',
  'NeighborSlicesOptions',
  'NestedKFoldOptions',
  'NestedPatientFold',
  'OutputLevel',
  'PatientFold',
  'PatientGrouping',
  'PatientLabelSource',
  'PatientLabels',
  'PatientPrediction',
  'PatientProgress',
  'PatientSource',
  'PatientSplit',
  'PatientSplitOptions',
  'PatientStack',
  'PerSliceArgs',
  'PhantomOptions',
  'PhantomPatient',
  'PhantomPatientOptions',
  'PhantomStudy',
  'PhantomStudyOptions',
  'PosterVariant',
  'PredictOptions',
  'PredictPatientsOptions',
  'PrefetchOptions',
  'PretrainOptions',
  'PublishedVariant',
  'Random',
  'RandomAugmentOptions',
  'ResNet18Options',
  'ResidualNeckArgs',
  'ResizeOptions',
  'RsnaDuplicate',
  'RsnaLabel',
  'RsnaTable',
  'RsnaTableOptions',
  'ScanRow',
  'ScanTableOptions',
  'Shape',
  'ShareSplitOptions',
  'SliceConv1DArgs',
  'SliceDependencyGRUArgs',
  'SlicePoolingArgs',
  'SlicePrediction',
  'SliceRange',
  'SplitMeasures',
  'SplitMeasuresOptions',
  'SplitSides',
  'SqueezeNetOptions',
  'StageState',
  'StepGradients',
  'StudyFeatures',
  'Threshold',
  'TorchLoadable',
  'TorchParameter',
  'TrainStepOptions',
  'TrainingBatch',
  'TrainingOptions',
  'TrainingProgress',
  'TrivialScores',
  'VGG16Options',
  'WasmPreparation',
  'WeightedLogLossMetricOptions',
  'WeightedLogLossOptions',
  'WrapperArgs',
];
const NODE_TYPES = [
  'BackendName',
  'BackendReport',
  'Checkpoint',
  'ContactSheet',
  'ContactSheetOptions',
  'DecodeDicomOptions',
  'DecodedDicomSlice',
  'DetectedStudy',
  'DicomFolder',
  'DicomFolderOptions',
  'DicomHeader',
  'DicomPixelFormat',
  'DicomProblem',
  'DicomProblemKind',
  'DicomScan',
  'DicomSeries',
  'DicomSeriesInfo',
  'DicomSeriesKind',
  'DicomSeriesList',
  'DicomSlice',
  'FileProgress',
  'GrayImage',
  'KaggleFolder',
  'KaggleFolderOptions',
  'PhantomStudySummary',
  'ProgressBarOptions',
  'ReadDicomSeriesOptions',
  'ReadGrayImageOptions',
  'RunStage',
  'RunStageOptions',
  'SaveCheckpointOptions',
  'ScanDicomOptions',
  'SkippedFile',
  'SliceFileOptions',
  'SliceFormat',
  'SliceOrientation',
  'StageSchedule',
  'StudyLayout',
  'StudyOptions',
  'TrainRecipeOptions',
  'TrainingProgressBar',
  'TrainingRunOptions',
  'UseBackendOptions',
  'Vector3',
  'WritePhantomStudyOptions',
];

describe('ct-multilabel', () => {
  it('exports these functions, classes and constants', () => {
    expect(Object.keys(browser).sort()).toEqual(VALUES);
  });

  it('exports these types beside them', () => {
    const names = exportedNames(source('index.ts'));
    expect(names.filter((name) => !(name in browser)).sort()).toEqual(TYPES);
    expect(names.filter((name) => name in browser).sort()).toEqual(VALUES);
  });

  it('runs in a browser: imports tfjs and nothing else, no backend, nothing of Node', () => {
    const { files, packages } = importGraph(source('index.ts'));
    expect(packages).toEqual(['@tensorflow/tfjs']);
    expect(files.length).toBeGreaterThan(50);
    expect(files.filter((file) => file.startsWith(source('node')))).toEqual([]);
  });
});

describe('ct-multilabel/node', () => {
  it('exports these functions, classes and constants', () => {
    expect(Object.keys(node).sort()).toEqual(NODE_VALUES);
  });

  it('exports these types beside them', () => {
    const names = exportedNames(source('node.ts'));
    expect(names.filter((name) => !(name in node)).sort()).toEqual(NODE_TYPES);
    expect(names.filter((name) => name in node).sort()).toEqual(NODE_VALUES);
  });
});

describe('both entries', () => {
  it('export no name twice', () => {
    const names = [...exportedNames(source('index.ts')), ...exportedNames(source('node.ts'))];
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });
});
