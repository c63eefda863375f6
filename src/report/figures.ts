/** Figures as they are written: scores with their intervals, and what the marks on them mean. */
import type { BootstrapInterval } from '../evaluation/bootstrap';
import { html, NONE, score, type Part } from './html';

/** No resample differs from another; too few resamples have a value. */
const [NO_WIDTH, FEW] = ['\u2020', '\u2021'];

/** Share of the resamples that must have a value. */
const ENOUGH = 0.95;

/** Writes intervals below their scores, and remembers what is to be explained of them. */
export class IntervalCells {
  private readonly marks = new Set<string>();

  /** @param resamples - How often people were drawn. */
  constructor(private readonly resamples: number) {}

  cell({ estimate, low, high, resamples }: BootstrapInterval): Part {
    if (estimate === undefined) return NONE;
    const mark = [
      score(low) === score(high) ? NO_WIDTH : '',
      resamples < ENOUGH * this.resamples ? FEW : '',
    ].join('');
    for (const one of mark) this.marks.add(one);
    return html`${score(estimate)}<small>[${score(low)}, ${score(high)}]${mark}</small>`;
  }

  /** What the marks mean that were written so far. */
  explanations(people: number): Part[] {
    const lines: Part[] = [];
    if (this.marks.has(NO_WIDTH)) {
      const why =
        people === 1
          ? 'there is but one person to draw'
          : 'every resample gives the same value, as where a score stands at the end of its range in each person';
      lines.push(
        `${NO_WIDTH} The interval has no width: ${why}. That is no certainty: what happened in none of n people may, at 95%, still happen in up to 1 - 0.05^(1/n) of others, which is 78% for n = 2, 26% for n = 10 and 3% for n = 100.`,
      );
    }
    if (this.marks.has(FEW)) {
      lines.push(
        `${FEW} Of ${this.resamples} resamples, fewer than ${100 * ENOUGH}% define the score (a resample without a positive has no sensitivity): too few people for the interval to mean much.`,
      );
    }
    return lines.map((line) => html`<br />${line}`);
  }
}
