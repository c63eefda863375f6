import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { FIGURES } from '../../bench/results/figures';
import { filled, marksOf, pages, withoutFigures } from '../../bench/results/pages';
import { BENCHES, pretty, readResults, RESULTS, type Results } from '../../bench/results/tables';
import { ROOT } from '../docs/markdown';

const results = readResults();
const texts = pages().map((page) => [path.relative(ROOT, page), readFileSync(page, 'utf8')] as const);
const performance = texts.find(([page]) => page.endsWith('performance.md'))![1];

describe('figures that pages quote', () => {
  it.each(texts.filter(([, text]) => marksOf(text).length > 0))(
    'of %s are those of the results',
    async (page, text) => {
      expect(await pretty(filled(text, results), path.join(ROOT, page)), 'npm run bench:pages').toBe(text);
    },
  );

  it('are each quoted somewhere, and each table once', () => {
    const marks = texts.flatMap(([, text]) => marksOf(text));
    expect(Object.keys(FIGURES).filter((name) => !marks.includes(name))).toEqual([]);
    const tables = BENCHES.map(([title]) => `table ${title}`);
    expect(
      marksOf(performance)
        .filter((name) => name.startsWith('table '))
        .sort(),
    ).toEqual(tables.sort());
    expect(Object.keys(results).filter((title) => !tables.includes(`table ${title}`))).toEqual([]);
  });

  it('of speed stand nowhere without a mark or a date', () => {
    const speed =
      /\d\s?(ms|x as fast|times (as fast|faster|slower|the time)|(slices|images) (a|per) second)\b/;
    const computed = /computed,\s+not measured/;
    const found = texts.flatMap(([page, text]) =>
      withoutFigures(text)
        .split('\n\n')
        .filter((words) => speed.test(words) && !/\d{4}-\d\d-\d\d/.test(words) && !computed.test(words))
        .map((words) => `${page}: ${speed.exec(words)![0]}`),
    );
    expect(found).toEqual([]);
  });

  it('change with the results', () => {
    const changed = JSON.parse(readFileSync(RESULTS, 'utf8')) as Record<string, Results[string]>;
    const table = changed['Convolutions, two threads']!;
    const step = table.rows.find(({ what }) => what.startsWith('vgg16'))!;
    Object.assign(step, {
      ours: { name: 'ours', ms: 2000 },
      peers: [{ name: 'PyTorch', ms: 1000, ratio: 0.5, bar: 2 / 3 }],
    });
    Object.assign(table, { date: '2031-02-03', commit: 'abc1234+' });
    const text = [
      'a <!-- bench: VGG16 step -->1 ms<!-- /bench -->, which',
      '<!-- bench: VGG16 step beside PyTorch -->is as fast as<!-- /bench --> it',
      '<!-- bench: table Convolutions, two threads -->old<!-- /bench -->',
      '<!-- bench: bars not met -->none<!-- /bench -->',
    ].join('\n');
    const now = filled(text, changed);
    expect(now).toContain('a <!-- bench: VGG16 step -->2000 ms<!-- /bench -->, which\n');
    expect(now).toContain('takes 2.0 times the time of<!-- /bench --> it');
    expect(now).toContain('2031-02-03, commit abc1234+, Node 24.');
    expect(now).toContain(
      '| 2000 ms | PyTorch | 1000 ms | 2.00x the time | at most 1.50x the time | **no** |',
    );
    expect(now).toContain(
      '- vgg16 training step of 4 slices, 2 threads, per slice: 2.00x the time of PyTorch (target: at most 1.50x the time)',
    );
  });

  it('say what is wrong with a name, or with results that lack a row or a peer', () => {
    expect(() => filled('<!-- bench: VGG step -->1<!-- /bench -->', results)).toThrow(
      'no figure is called "VGG step"',
    );
    const mark = '<!-- bench: GRU step of tfjs -->1<!-- /bench -->';
    expect(() => filled(mark, {})).toThrow('"Recurrent layers" has no row "GRU over 32 slices');
    const row = {
      what: 'GRU over 32 slices, 512 features, 2 x 256 units: training step',
      ours: { name: 'ours', ms: 1 },
      peers: [{ name: 'tf.layers.gru', ms: null, ratio: null, bar: 20 }],
    };
    expect(() =>
      filled(mark, { 'Recurrent layers': { ...results['Recurrent layers']!, rows: [row] } }),
    ).toThrow('no time of tf.layers.gru; run it where that is');
    expect(filled('<!-- bench: table Loss -->1<!-- /bench -->', {})).toContain('Not measured yet.');
  });
});
