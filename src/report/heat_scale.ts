import { HEAT_TICKS, overlaid, SCALE_GRAY } from '../drawing/heat_colors';
import { html, type Html } from './html';
import { CHART } from './style';

/** Width and height of the bar, margin for the outer numbers, and number of colours. */
const [WIDTH, HEIGHT, ROOM, STEPS] = [240, 14, 12, 60];

/** The colours of 0..1 over the gray of brain tissue, with numbers. */
export function heatScale(title: string): Html {
  const step = WIDTH / STEPS;
  const bars = Array.from({ length: STEPS }, (_, i) => {
    const color = overlaid(SCALE_GRAY, (i + 0.5) / STEPS).join();
    // wider than a step, so that no gaps show
    return html`<rect x="${ROOM + i * step}" width="${step + (i + 1 < STEPS ? 0.5 : 0)}" height="${HEIGHT}" fill="rgb(${color})" />`;
  });
  const numbers = HEAT_TICKS.map(
    (value) =>
      html`<text x="${ROOM + value * WIDTH}" y="${HEIGHT + 14}" text-anchor="middle" fill="${CHART.text}">${String(value)}</text>`,
  );
  return html`<svg role="img" aria-label="scale of the heat maps" width="560" height="34" viewBox="0 0 560 34" font-size="12">
    ${bars}${numbers}<text x="${2 * ROOM + WIDTH + 8}" y="12" fill="${CHART.text}">${title}</text>
  </svg>`;
} // prettier-ignore
