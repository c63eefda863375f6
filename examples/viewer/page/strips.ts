// A strip per label along the whole stack, with the probability of each slice.
import type { ModelInfo, Scores } from '../protocol';
import { element } from './dom';

const SVG = 'http://www.w3.org/2000/svg';

/** A strip for each label. Each is a slider along the slices, for pointers, keys and screen readers. */
export class Strips {
  private rows: {
    strip: HTMLElement;
    cursor: SVGElement;
    value: HTMLElement;
    name: string;
    of: (slice: number) => string;
  }[] = [];
  private slices = 0;
  private values: readonly (readonly number[])[] = [];
  private thresholds: readonly number[] = [];

  /** @param onSlice - Called with the chosen slice, from 0. */
  constructor(
    private readonly place: HTMLElement,
    private readonly onSlice: (slice: number) => void,
  ) {}

  clear(): void {
    this.rows = [];
    this.place.replaceChildren();
  }

  show({ labels, names, thresholds }: ModelInfo, { probabilities }: Scores): void {
    this.slices = probabilities.length;
    this.clear();
    this.rows = labels.map((label, k) => {
      const threshold = thresholds[k]!;
      const column = probabilities.map((row) => row[k]!);
      const { svg, cursor } = draw(column, threshold);
      const strip = element('div', {
        ...{ class: 'strip', role: 'slider', tabindex: 0, 'aria-orientation': 'horizontal' },
        ...{
          'aria-label': `${names[k]} along the stack`,
          'aria-valuemin': 1,
          'aria-valuemax': column.length,
        },
      });
      strip.append(svg);
      this.listen(strip);
      // hidden from screen readers, which hear the slider's value
      const value = element('span', { class: 'strip-value', 'aria-hidden': 'true' });
      const name = element('span', { class: 'strip-name', title: names[k] }, label);
      this.place.append(element('div', { class: 'strip-row' }, name, strip, value));
      const of = (slice: number) => {
        const found = column[slice]! >= threshold ? 'at or above' : 'below';
        return `slice ${slice + 1}: ${column[slice]!.toFixed(3)}, ${found} the threshold ${threshold.toFixed(3)}`;
      };
      return { strip, cursor, value, name: names[k]!, of };
    });
    this.values = probabilities;
    this.thresholds = thresholds;
  }

  /** Names of the labels at or above their thresholds on a slice, or undefined if nothing is scored. */
  found(slice: number): string[] | undefined {
    const reached = (k: number) => this.values[slice]![k]! >= this.thresholds[k]!;
    return this.rows.length === 0
      ? undefined
      : this.rows.flatMap(({ name }, k) => (reached(k) ? [name] : []));
  }

  /** Moves the cursors. */
  move(slice: number): void {
    for (const [k, { strip, cursor, value, of }] of this.rows.entries()) {
      cursor.setAttribute('x', String(slice));
      strip.setAttribute('aria-valuenow', String(slice + 1));
      strip.setAttribute('aria-valuetext', of(slice));
      const probability = this.values[slice]![k]!;
      value.textContent = probability.toFixed(2);
      value.classList.toggle('found', probability >= this.thresholds[k]!);
    }
  }

  private listen(strip: HTMLElement): void {
    const jump = (event: PointerEvent) => {
      const { left, width } = strip.getBoundingClientRect();
      const slice = Math.floor(((event.clientX - left) / width) * this.slices);
      this.onSlice(Math.min(this.slices - 1, Math.max(0, slice)));
    };
    strip.addEventListener('pointerdown', (event) => {
      strip.setPointerCapture(event.pointerId);
      jump(event);
    });
    strip.addEventListener('pointermove', (event) => {
      if (strip.hasPointerCapture(event.pointerId)) jump(event);
    });
    strip.addEventListener('keydown', (event) => {
      const now = Number(strip.getAttribute('aria-valuenow')) - 1;
      const to = { ArrowRight: now + 1, ArrowUp: now + 1, ArrowLeft: now - 1, ArrowDown: now - 1, Home: 0, End: this.slices - 1 }[event.key]; // prettier-ignore
      if (to === undefined) return;
      event.preventDefault();
      this.onSlice(Math.min(this.slices - 1, Math.max(0, to)));
    });
  }
}

/** Bars from 0 to 1, the threshold, and the position of the slice that is shown; one unit across is one slice. */
function draw(column: readonly number[], threshold: number): { svg: SVGElement; cursor: SVGElement } {
  const svg = shape('svg', {
    viewBox: `0 0 ${column.length} 1`,
    preserveAspectRatio: 'none',
    'aria-hidden': 'true',
  });
  const cursor = shape('rect', { class: 'cursor', x: 0, y: 0, width: 1, height: 1 });
  svg.append(cursor);
  for (const [slice, probability] of column.entries()) {
    const name = probability >= threshold ? 'bar found' : 'bar';
    svg.append(
      shape('rect', { class: name, x: slice + 0.08, y: 1 - probability, width: 0.84, height: probability }),
    );
  }
  svg.append(
    shape('line', { class: 'threshold', x1: 0, x2: column.length, y1: 1 - threshold, y2: 1 - threshold }),
  );
  return { svg, cursor };
}

function shape(name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}
