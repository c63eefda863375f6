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

/** Parameters of these names take options. */
const OPTIONS = /^(options|args|ranges|partial|description)$/;

interface Declared {
  /** The names of its options, as its type has them. */
  names: string[];
  /** The names in each table that resolves options on the way of its calls. */
  tables: string[][];
}

/** Every exported function and class that takes options; layers, whose contract test does this, aside. */
function declaredOptions(): Map<string, Declared> {
  const found = new Map<string, Declared>();
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const entries = [`${root}src/index.ts`, `${root}src/node.ts`];
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined };
  const config = ts.getParsedCommandLineOfConfigFile(`${root}tsconfig.json`, {}, host);
  const program = ts.createProgram(entries, config!.options);
  const checker = program.getTypeChecker();
  const namesOf = (type: ts.Type) =>
    checker
      .getPropertiesOfType(checker.getNonNullableType(type))
      .map(({ name }) => name)
      .sort();
  const original = (symbol: ts.Symbol | undefined) =>
    symbol && (symbol.flags & ts.SymbolFlags.Alias) !== 0 ? checker.getAliasedSymbol(symbol) : symbol;

  const tablesIn = (node: ts.Node, seen: Set<ts.Node>): string[][] => {
    if (seen.has(node)) return [];
    seen.add(node);
    const tables: string[][] = [];
    const visit = (inner: ts.Node): void => {
      if (ts.isCallExpression(inner) || ts.isNewExpression(inner)) {
        const callee = original(checker.getSymbolAtLocation(inner.expression));
        const places = (callee?.declarations ?? []).map((one) => one.getSourceFile().fileName);
        if (callee?.name === 'resolveOptions' && places.includes(`${root}src/base/options.ts`)) {
          tables.push(namesOf(checker.getTypeAtLocation(inner.arguments![2]!)));
        } else {
          const ours = (callee?.declarations ?? []).filter((one) =>
            one.getSourceFile().fileName.startsWith(`${root}src/`),
          );
          for (const declaration of ours) tables.push(...tablesIn(declaration, seen));
        }
      }
      ts.forEachChild(inner, visit);
    };
    visit(node);
    return tables;
  };

  for (const entry of entries) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(entry)!)!;
    for (const exported of checker.getExportsOfModule(module)) {
      const symbol = original(exported)!;
      const { [exported.name]: value } = { ...browser, ...node } as Record<string, unknown>;
      if ((symbol.flags & ts.SymbolFlags.Value) === 0 || isLayer(value)) continue;
      const type = checker.getTypeOfSymbol(symbol);
      for (const signature of [...type.getCallSignatures(), ...type.getConstructSignatures()]) {
        for (const parameter of signature.getParameters().filter(({ name }) => OPTIONS.test(name))) {
          const options = checker.getNonNullableType(checker.getTypeOfSymbol(parameter));
          if (checker.typeToString(options) === 'ErrorOptions') continue; // the language's own
          const names = namesOf(options);
          const seen = new Set<ts.Node>();
          const tables = (symbol.declarations ?? []).flatMap((declaration) => tablesIn(declaration, seen));
          if (names.length > 0) found.set(exported.name, { names, tables });
        }
      }
    }
  }
  return found;
}

const isLayer = (value: unknown) =>
  typeof value === 'function' && (value.prototype as unknown) instanceof tf.layers.Layer;

describe('every function and class that takes options', () => {
  let declared: Map<string, Declared>;
  beforeAll(() => {
    declared = declaredOptions();
  }, 300_000);

  it('resolves them by a table of their names, whose completeness the compiler sees', () => {
    expect(declared.size).toBeGreaterThan(90);
    const without = [...declared].filter(
      ([, { names, tables }]) => !tables.some((table) => table.join() === names.join()),
    );
    expect(without.map(([name]) => name)).toEqual([]);
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
