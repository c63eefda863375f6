/**
 * Draws a contact sheet of synthetic head CTs, one row per patient, with the labels of every slice written on it.
 *
 *   npx tsx examples/phantom_sheet.ts [file.png] [patients] [seed]
 */
import { CT_LABELS, makePhantomStudy } from 'ct-multilabel';
import sharp, { type OverlayOptions } from 'sharp';

const [file = 'phantom_sheet.png', patients = '6', seed = '1'] = process.argv.slice(2);
const size = 128;
const slices = 12;

const study = makePhantomStudy({ patients: Number(patients), seed: Number(seed), size, slices });
const tiles: OverlayOptions[] = [];
let row = 0;
for (const { id, hu, labels } of study) {
  for (const [slice, found] of labels.entries()) {
    const place = { left: slice * size, top: row * size };
    // The brain window: -20 to 100 HU
    const gray = Uint8ClampedArray.from(
      hu.subarray(slice * size * size, (slice + 1) * size * size),
      (value) => (255 * (value + 20)) / 120,
    );
    const names = CT_LABELS.filter((_, k) => found[k] === 1).join(' ');
    const text = `<svg width="${size}" height="14"><text x="3" y="11" font-size="11" fill="yellow">${
      slice === 0 ? `${id} ` : ''
    }${names}</text></svg>`;
    const input = Buffer.from(gray.buffer);
    tiles.push({ input, raw: { width: size, height: size, channels: 1 }, ...place });
    tiles.push({ input: Buffer.from(text), ...place });
  }
  row += 1;
}
await sharp({
  create: { width: slices * size, height: row * size, channels: 3, background: 'black' },
})
  .composite(tiles)
  .png()
  .toFile(file);
console.log(`${file}: ${row} patients, ${slices} slices each`);
