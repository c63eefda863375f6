import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import * as browser from '../../src/index';
import * as node from '../../src/node';

const {
  ArgumentError,
  CT_LABELS,
  affine,
  asymmetricLoss,
  buildCtBrainModel,
  createPreprocessing,
  fBetaScore,
  LabelRNNDecoder,
  ResidualNeck,
  SliceConv1D,
  SliceDependencyGRU,
  splitByPatient,
  vgg16,
} = browser;

/** Calls every function and class that takes options, with options that may have names nobody knows. */
const CALLS: Record<string, (options: never) => unknown> = (() => {
  const b = browser;
  const n = node;
  const image = tf.zeros([1, 4, 4, 1]) as tf.Tensor4D;
  const any = undefined as never;
  const model = { outputs: [{ shape: [1, 2, 5] }] } as never;
  return {
    buildCtBrainModel: (o) => b.buildCtBrainModel(o),
    vgg16: (o) => b.vgg16(o),
    resnet18: (o) => b.resnet18(o),
    squeezenet1_1: (o) => b.squeezenet1_1(o),
    GrayToRgb: (o) => new b.GrayToRgb(o),
    ImageNetNormalization: (o) => new b.ImageNetNormalization(o),
    SliceDependencyGRU: (o) => new b.SliceDependencyGRU(o),
    SliceDifferences: (o) => new b.SliceDifferences(o),
    SliceConv1D: (o) => new b.SliceConv1D(o),
    FusedBatchNorm: (o) => new b.FusedBatchNorm(o),
    FusedConv2D: (o: object) => new b.FusedConv2D({ filters: 1, kernelSize: 1, ...o }),
    ResidualNeck: (o) => new b.ResidualNeck(o),
    LabelRNNDecoder: (o) => new b.LabelRNNDecoder(o),
    LabelLinear: (o) => new b.LabelLinear(o),
    PerSlice: (o) => new b.PerSlice(o),
    SlicePooling: (o) => new b.SlicePooling(o),
    PerLabel: (o) => new b.PerLabel(o),
    AsymmetricLoss: (o) => new b.AsymmetricLoss(o),
    asymmetricLoss: (o) => b.asymmetricLoss(o),
    countDecisions: (o) => b.countDecisions(any, any, o),
    countDecisionsByPatient: (o) => b.countDecisionsByPatient({ yTrue: [] } as never, o),
    decide: (o) => b.decide([], o),
    DecisionCounter: (o) => new b.DecisionCounter(o),
    decisionRates: (o) => b.decisionRates(any, o),
    fBetaScore: (o) => b.fBetaScore(any, any, o),
    FBetaScore: (o) => new b.FBetaScore(o),
    f2Metric: (o) => b.f2Metric(o),
    weightedLogLoss: (o) => b.weightedLogLoss(any, any, o),
    WeightedLogLoss: (o) => new b.WeightedLogLoss(o),
    weightedLogLossMetric: (o) => b.weightedLogLossMetric(o),
    averagePrecision: (o) => b.averagePrecision(any, any, o),
    AveragePrecision: (o) => new b.AveragePrecision(o),
    brierScore: (o) => b.brierScore(any, any, o),
    expectedCalibrationError: (o) => b.expectedCalibrationError(any, any, o),
    reliabilityCurve: (o) => b.reliabilityCurve(any, any, o),
    rocAuc: (o) => b.rocAuc(any, any, o),
    RocAuc: (o) => new b.RocAuc(o),
    precisionRecallCurve: (o) => b.precisionRecallCurve(any, any, o),
    rocCurve: (o) => b.rocCurve(any, any, o),
    affine: (o) => b.affine(image, o),
    clahe: (o) => b.clahe(image, o),
    colorJitter: (o) => b.colorJitter(image, o),
    neighborSlices: (o) => b.neighborSlices(image, o),
    createPreprocessing: (o) => b.createPreprocessing(o),
    applyAugmentation: (o) => b.applyAugmentation(image, any, o),
    drawAugmentation: (o) => b.drawAugmentation(o, 1),
    randomAugment: (o) => b.randomAugment(o),
    resize: (o) => b.resize(image, [2, 2], o),
    cachedSource: (o) => b.cachedSource(any, o),
    findDuplicateSlices: (o) => b.findDuplicateSlices(any, o),
    parseKaggleTable: (o) => b.parseKaggleTable(any, o),
    prefetchPatients: (o) => b.prefetchPatients(any, any, o),
    checkNoLeak: (o) => b.checkNoLeak(any, o),
    kFoldByPatient: (o) => b.kFoldByPatient(any, o),
    nestedKFoldByPatient: (o) => b.nestedKFoldByPatient(any, o),
    prefetch: (o) => b.prefetch(any, any, o),
    splitByPatient: (o) => b.splitByPatient(any, o),
    splitByShares: (o) => b.splitByShares(any, o),
    RsnaTableReader: (o) => new b.RsnaTableReader(o),
    parseScanTable: (o) => b.parseScanTable(any, o),
    splitMeasures: (o) => b.splitMeasures(any, any, o),
    loadTorchWeights: (o) => b.loadTorchWeights(any, any, o),
    collectPredictions: (o) => b.collectPredictions(any, any, o),
    evaluatePatients: (o) => b.evaluatePatients(any, any, o),
    predictPatientLevel: (o) => b.predictPatientLevel(any, any, o).next(),
    predictPatients: (o) => b.predictPatients(model, any, o).next(),
    extractFeatures: (o) => b.extractFeatures(any, any, o),
    fitDecisions: (o) => b.fitDecisions(any, any, o),
    fitStage: (o) => b.fitStage(o),
    predictStack: (o) => b.predictStack(any, any, o),
    pretrainBackbone: (o) => b.pretrainBackbone(any, o),
    trainPatients: (o) => b.trainPatients(any, o),
    warmUpHead: (o) => b.warmUpHead(any, o),
    resolveRecipe: (o) => b.resolveRecipe(o),
    EarlyStopping: (o) => new b.EarlyStopping(1, o),
    computeGradients: (o) => b.computeGradients(any, any, any, o),
    trainStep: (o) => b.trainStep(any, any, any, any, o),
    saveCtBrainModel: (o) => b.saveCtBrainModel(model, 'nowhere', o),
    loadCtBrainModel: (o) => b.loadCtBrainModel('nowhere', o),
    createCheckpointManifest: (o) => b.createCheckpointManifest(o),
    bootstrapDifference: (o) => b.bootstrapDifference([1], any, any, o),
    bootstrapInterval: (o) => b.bootstrapInterval([1], any, o),
    fitCalibration: (o) => b.fitCalibration(o),
    evaluateProbabilities: (o) => b.evaluateProbabilities(o),
    chooseThresholds: (o) => b.chooseThresholds(o),
    gradCam: (o) => b.gradCam(any, any, o),
    pointingGame: (o) => b.pointingGame(any, any, o),
    sliceContributions: (o) => b.sliceContributions(any, any, o),
    makePhantomPatient: (o) => b.makePhantomPatient(o),
    makePhantomStudy: (o) => b.makePhantomStudy(o),
    useBackend: (o) => n.useBackend('cpu', o),
    saveCheckpoint: (o) => n.saveCheckpoint('nowhere', any, o),
    readGrayImage: (o) => n.readGrayImage('nowhere', o),
    openKaggleFolder: (o) => n.openKaggleFolder('nowhere', o),
    openPatientFolder: (o) => n.openPatientFolder('nowhere', o),
    readRsnaTable: (o) => n.readRsnaTable('nowhere', o),
    readScanTable: (o) => n.readScanTable('nowhere', o),
    heatMapPng: (o) => n.heatMapPng(any, o),
    writeHeatMaps: (o) => n.writeHeatMaps('nowhere', any, o),
    writeContactSheet: (o) => n.writeContactSheet('nowhere', any, o),
    decodeDicomSlice: (o) => n.decodeDicomSlice(any, any, o),
    readDicomSeries: (o) => n.readDicomSeries('nowhere', o),
    scanDicomFolder: (o) => n.scanDicomFolder('nowhere', o),
    openDicomFolder: (o) => n.openDicomFolder('nowhere', o),
    openStudy: (o) => n.openStudy('nowhere', o),
    trainingProgressBar: (o) => n.trainingProgressBar(o),
    trainRecipe: (o) => b.trainRecipe(any, o),
    openTrainingRun: (o) => n.openTrainingRun('nowhere', o),
    writePhantomStudy: (o) => n.writePhantomStudy('nowhere', o),
  };
})();

/** Parameters of these names take options. */
const OPTIONS = /^(options|args|ranges|partial|description)$/;

/** A manifest may describe the next one: its own keys are known, and written anew. */
const REWRITTEN = ['format', 'formatVersion', 'versions', 'compiled', 'frozen', 'checksums'];

/** The names of the options of every exported function and class that takes some, as their types have them. */
function optionNames(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const entries = [`${root}src/index.ts`, `${root}src/node.ts`];
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined };
  const config = ts.getParsedCommandLineOfConfigFile(`${root}tsconfig.json`, {}, host);
  const program = ts.createProgram(entries, config!.options);
  const checker = program.getTypeChecker();
  for (const entry of entries) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(entry)!)!;
    for (const exported of checker.getExportsOfModule(module)) {
      const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
      const symbol = isAlias ? checker.getAliasedSymbol(exported) : exported;
      if ((symbol.flags & ts.SymbolFlags.Value) === 0) continue;
      const type = checker.getTypeOfSymbol(symbol);
      for (const signature of [...type.getCallSignatures(), ...type.getConstructSignatures()]) {
        for (const parameter of signature.getParameters().filter(({ name }) => OPTIONS.test(name))) {
          const options = checker.getNonNullableType(checker.getTypeOfSymbol(parameter));
          if (checker.typeToString(options) === 'ErrorOptions') continue; // the language's own
          const names = checker.getPropertiesOfType(options).map(({ name }) => name);
          if (names.length > 0) found.set(exported.name, names.sort());
        }
      }
    }
  }
  return found;
}

describe('every function and class that takes options', () => {
  let declared: Map<string, string[]>;
  beforeAll(() => {
    declared = optionNames();
  }, 300_000);

  it('is called below', () => {
    expect([...declared.keys()].sort()).toEqual(Object.keys(CALLS).sort());
  });

  it.each(Object.keys(CALLS))('%s refuses unknown names, and knows those of its type', async (name) => {
    const attempt = async () => CALLS[name]!({ zzzzzzzzzz: 1 } as never);
    const error = await attempt().then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
    expect(error).toBeInstanceOf(ArgumentError);
    const known = /unknown option 'zzzzzzzzzz'; known: (.*)$/.exec(error!.message)?.[1]?.split(', ');
    expect(known, error!.message).toBeDefined();
    const rewritten = /Checkpoint|saveCtBrainModel/.test(name) ? REWRITTEN : [];
    expect(known!.filter((key) => !rewritten.includes(key)).sort()).toEqual(declared.get(name));
  });
});

describe('names inside options', () => {
  const files = { preprocessing: createPreprocessing() };
  it.each<[string, () => unknown, string | undefined]>([
    ['variant', () => buildCtBrainModel({ variant: 'VGG19' as never }), 'VGG16'],
    ['backbone', () => buildCtBrainModel({ backbone: 'resnet-18' as never }), 'resnet18'],
    ['backbone far off', () => buildCtBrainModel({ backbone: 'alexnet' as never }), undefined],
    ['part', () => buildCtBrainModel({ sliceDependency: { unit: 3 } as never }), 'units'],
    ['part type', () => buildCtBrainModel({ sliceDependency: 'conv1D' as never }), 'conv1d'],
    ['order', () => buildCtBrainModel({ order: 'label-than-slice' as never }), 'label-then-slice'],
    ['mergeMode', () => new SliceDependencyGRU({ units: 1, mergeMode: 'sums' as never }), 'sum'],
    ['activation', () => new SliceConv1D({ filters: 1, activation: 'ReLU' as never }), 'relu'],
    ['mode', () => new ResidualNeck({ mode: 'concatenate' as never }), 'concat'],
    ['cell', () => new LabelRNNDecoder({ labels: 1, cell: 'lstms' as never }), 'lstm'],
    ['reduction', () => asymmetricLoss({ reduction: 'means' as never }), 'mean'],
    ['average', () => new browser.FBetaScore({ average: 'makro' as never }), 'macro'],
    ['window', () => createPreprocessing({ windows: ['subdurals' as never] }), 'subdural'],
    ['CQ500 label', () => browser.parseScanTable([['name', 'R1:ICH']], { labels: ['sdhh'] }), 'sdh'],
    ['RSNA label', () => new browser.RsnaTableReader({ labels: ['epidurall'] }), 'epidural'],
    ['label', () => browser.makePhantomPatient({ seed: 1, prevalence: { sdhh: 1 } as never }), 'sdh'],
    ['interpolation', () => affine(tf.zeros([2, 2]), { interpolation: 'bilinaer' as never }), 'bilinear'],
    ['direction', () => browser.flip(tf.zeros([2, 2]), 'horizontally' as never), 'horizontal'],
    ['backend', () => node.useBackend('tensorflow-gpu' as never), 'tensorflow'],
    ['kind', () => node.readDicomSeries('nowhere', { kinds: ['axiall' as never] }), 'axial'],
    ['kind', () => node.openDicomFolder('nowhere', { ...files, kinds: ['localiser' as never] }), 'localizer'],
    ['problem', () => node.readDicomSeries('nowhere', { allow: ['not_hu' as never] }), 'not-hu'],
    ['problem', () => node.openDicomFolder('nowhere', { ...files, allow: ['gaps' as never] }), 'gap'],
    ['stage', () => browser.trainRecipe({} as never, { pretrain: { epoch: 1 } } as never), 'epochs'],
    [
      'run',
      () => new node.TrainingRun('nowhere', {} as never).stage('a', { onEpochsEnd: 1 } as never),
      'onEpochEnd',
    ],
  ])('%s: suggests the nearest', async (_, call, meant) => {
    const attempt = async () => call();
    const message = meant === undefined ? /received "[^"]*"$/ : `did you mean '${meant}'?`;
    await expect(attempt()).rejects.toThrow(ArgumentError);
    await expect(attempt()).rejects.toThrow(message);
  });
});

describe('the compiler', () => {
  it('refuses unknown names too', () => {
    const tensor = undefined as unknown as tf.Tensor;
    const compiled = () => [
      // @ts-expect-error -- it is gammaNeg
      asymmetricLoss({ gammaNegative: 4 }),
      // @ts-expect-error -- it is a number
      asymmetricLoss({ gammaNeg: '4' }),
      // @ts-expect-error -- it is zeroDivision
      fBetaScore(tensor, tensor, { zero_division: 0 }),
      // @ts-expect-error -- there is no such average
      fBetaScore(tensor, tensor, { average: 'mean' }),
      // @ts-expect-error -- the poster has no such variant
      buildCtBrainModel({ variant: 'VGG19' }),
      // @ts-expect-error -- it is sliceDependency
      buildCtBrainModel({ sliceDependancy: 'gru' }),
      // @ts-expect-error -- a GRU has no kernel
      buildCtBrainModel({ sliceDependency: { type: 'gru', kernelSize: 3 } }),
      // @ts-expect-error -- a convolution's name is needed
      buildCtBrainModel({ sliceDependency: { kernelSize: 3 } }),
      // @ts-expect-error -- it is units
      new SliceDependencyGRU({ unit: 256 }),
      // @ts-expect-error -- units are needed
      new SliceDependencyGRU({}),
      // @ts-expect-error -- it is normalize
      vgg16({ inputShape: [32, 32, 1], normalise: true }),
      // @ts-expect-error -- it is angle
      affine(tensor, { rotation: 3 }),
      // @ts-expect-error -- a seed is needed
      splitByPatient(['a'], { validationFraction: 0.2 }),
      // @ts-expect-error -- there is no such window
      createPreprocessing({ windows: ['lung'] }),
      // @ts-expect-error -- there is no such backend
      node.useBackend('cuda'),
      new SliceDependencyGRU({ units: 256, name: 'slices', trainable: false, inputShape: [null, 4] }),
      buildCtBrainModel({ labels: CT_LABELS }),
    ];
    expect(compiled).toBeInstanceOf(Function);
  });
});
