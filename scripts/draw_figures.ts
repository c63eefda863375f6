/**
 * Draws every picture of the guide into docs/guide/figures:
 *
 *   npx tsx scripts/draw_figures.ts
 *   npx tsx scripts/draw_figures.ts runs/picture   # also the README's; docs/guide/README.md says what that folder is
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { drawDemo } from './draw_demo';
import { drawLossPlots } from './draw_loss_plots';
import { drawTransforms } from './draw_transforms';
import { drawVariants } from './draw_variants';

const FIGURES = fileURLToPath(new URL('../docs/guide/figures', import.meta.url));

const [demo] = process.argv.slice(2);
const figures = {
  ...drawVariants(),
  ...(await drawLossPlots()),
  ...(await drawTransforms()),
  ...(demo !== undefined && { 'demo.png': await drawDemo(demo) }),
};
await mkdir(FIGURES, { recursive: true });
for (const [name, content] of Object.entries(figures)) {
  await writeFile(path.join(FIGURES, name), content);
  console.log(`docs/guide/figures/${name}`);
}
