import { SAME_POSITION, type DicomSlice } from './stack_order';
import { problem, type DicomProblem } from '../problems';

/** Relative difference below which spacings count as equal; headers are rounded to a few digits. */
const EVEN = 0.05;

/** Ratio to a neighbouring spacing from which slices may be missing. */
const GAP = 1.5;

/** Number of consecutive equal spacings that count as planned, whatever is around them. */
const PLANNED_RUN = 3;

/** The median distance between slices in mm, undefined for fewer than two, and problems with it. */
export function readSpacing(slices: readonly DicomSlice[]): { spacing?: number; problems: DicomProblem[] } {
  const problems: DicomProblem[] = [];
  const placed = slices.filter(({ position }) => position !== undefined);
  const distinct: DicomSlice[] = [];
  for (const slice of placed) {
    const before = distinct.at(-1);
    if (before !== undefined && slice.position! - before.position! < SAME_POSITION) {
      const acquisitions = [before, slice].map(({ header }) => header.acquisitionNumber ?? 'without number');
      const message =
        `the slice has the position of ${before.file}, ${before.position!.toFixed(2)} mm` +
        (acquisitions[0] === acquisitions[1] ? '' : ` (acquisitions ${acquisitions.join(' and ')})`);
      problems.push(problem('duplicate-position', message, { file: slice.file }));
    } else {
      distinct.push(slice);
    }
  }
  const gaps = distinct.slice(1).map(({ position }, i) => position! - distinct[i]!.position!);
  if (gaps.length === 0) return { problems: [] }; // slices that all have the same position are reported elsewhere

  const isGap = gaps.map((gap, i) => {
    const smallest = Math.min(...[gaps[i - 1], gaps[i + 1]].filter((other) => other !== undefined));
    return gap > GAP * smallest && runLength(gaps, i) < PLANNED_RUN;
  });
  gaps.forEach((gap, i) => {
    if (!isGap[i]) return;
    const message = `${gap.toFixed(2)} mm to the slice before it, ${distinct[i]!.file}: slices may be missing between them`;
    problems.push(problem('gap', message, { file: distinct[i + 1]!.file }));
  });
  const planned = gaps.filter((_, i) => !isGap[i]).sort((a, b) => a - b);
  const [least, most] = [planned[0]!, planned.at(-1)!];
  if (most > least * (1 + EVEN)) {
    const message = `the spacing of slices ranges from ${least.toFixed(2)} to ${most.toFixed(2)} mm`;
    problems.push(problem('uneven-spacing', message, { file: distinct[0]!.file }));
  }
  const ascending = [...gaps].sort((a, b) => a - b);
  const middle = ascending.length / 2;
  const spacing = (ascending[Math.ceil(middle) - 1]! + ascending[Math.floor(middle)]!) / 2;
  return { spacing, problems };
}

/** Number of consecutive spacings around `i` that equal the one at `i`. */
function runLength(gaps: readonly number[], i: number): number {
  const same = (other: number | undefined) =>
    other !== undefined && Math.abs(other - gaps[i]!) <= EVEN * Math.min(other, gaps[i]!);
  let from = i;
  let to = i;
  while (same(gaps[from - 1])) from--;
  while (same(gaps[to + 1])) to++;
  return to - from + 1;
}
