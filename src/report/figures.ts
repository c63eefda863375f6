/** Scores with their intervals, and the footnotes on them. */
import type { BootstrapInterval } from '../evaluation/bootstrap';
import { html, NONE, score, type Part } from './html';

/** Marks of intervals: all resamples give the same value; too few resamples have a value. */
const [NO_WIDTH, FEW] = ['\u2020', '\u2021'];

/** Share of the resamples that must have a value. */
const ENOUGH = 0.95;

/** Writes intervals below their scores, and records which footnotes they need. */
export class IntervalCells {
  private readonly marks = new Set<string>();

  /** @param resamples - Resamples of the bootstrap. */
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

  /** Footnotes for the marks written so far. */
  explanations(people: number): Part[] {
    const lines: Part[] = [];
    if (this.marks.has(NO_WIDTH)) {
      const why =
        people === 1
          ? 'there is only one person to resample'
          : 'every resample gives the same value, for example if a score is at the end of its range for every person';
      lines.push(
        `${NO_WIDTH} The interval has no width: ${why}. That does not make the score certain: an event seen in none of n people may, at 95% confidence, still occur in up to 1 - 0.05^(1/n) of others, which is 78% for n = 2, 26% for n = 10 and 3% for n = 100.`,
      );
    }
    if (this.marks.has(FEW)) {
      lines.push(
        `${FEW} The score is defined in fewer than ${100 * ENOUGH}% of ${this.resamples} resamples (a resample without a positive has no sensitivity): there are too few people for a meaningful interval.`,
      );
    }
    return lines.map((line) => html`<br />${line}`);
  }
}
