import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { drawLossPlots } from '../../scripts/draw_loss_plots';
import { drawTransforms } from '../../scripts/draw_transforms';
import { drawVariants } from '../../scripts/draw_variants';
import { guidePages, linksOf, pageText, ROOT } from './markdown';

const FOLDER = path.join(ROOT, 'docs/guide/figures');
const names = readdirSync(FOLDER);

describe('pictures of the guide', { timeout: 120_000 }, () => {
  it('of the seven arrangements and the recommended one are what their models give now', () => {
    const drawn = drawVariants();
    expect(Object.keys(drawn)).toHaveLength(8);
    for (const [name, text] of Object.entries(drawn)) expect(committed(name), name).toBe(text);
  });

  it('of the loss are what the loss gives now', async () => {
    for (const [name, text] of Object.entries(await drawLossPlots()))
      expect(committed(name), name).toBe(text);
  });

  it('of the transforms are those that the script draws', async () => {
    const drawn = Object.keys(await drawTransforms());
    expect(names.filter((name) => name.startsWith('transform-'))).toEqual(drawn.sort());
  });

  it('are all shown somewhere, and all there', () => {
    const shown = guidePages().flatMap((page) =>
      linksOf(pageText(page))
        .filter((link) => link.includes('figures/'))
        .map((link) => path.basename(link)),
    );
    expect([...new Set(shown)].sort()).toEqual([...names].sort());
  });

  it.each(names.filter((name) => name.endsWith('.png')))('%s is a small picture', async (name) => {
    const { format, width } = await sharp(path.join(FOLDER, name)).metadata();
    expect([format, width > 400]).toEqual(['png', true]);
    expect(statSync(path.join(FOLDER, name)).size).toBeLessThan(
      ['demo.png', 'viewer.png'].includes(name) ? 150e3 : 60e3,
    );
  });
});

const committed = (name: string) => readFileSync(path.join(FOLDER, name), 'utf8');
