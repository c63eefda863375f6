/** What can be unusual about a series that can be read all the same. */
export type DicomProblemKind =
  | 'missing-rescale'
  | 'implausible-rescale'
  | 'implausible-hu'
  | 'monochrome1'
  | 'pixel-padding'
  | 'bits-outside-stored'
  | 'excess-pixel-data'
  | 'codestream-mismatch'
  | 'unreadable-value'
  | 'not-ct'
  | 'missing-position'
  | 'missing-orientation'
  | 'missing-spacing'
  | 'duplicate-position'
  | 'duplicate-instance'
  | 'uneven-spacing'
  | 'gap'
  | 'gantry-tilt'
  | 'split-series'
  | 'mixed-series';

/** Something unusual about a file or a series: it was read, and this is what to know about it. */
export interface DicomProblem {
  kind: DicomProblemKind;
  /** What was expected, what came, and what was done about it. */
  message: string;
  /** The file, or the first of several. */
  file?: string | undefined;
  /** How many pixels it is about, where it is about pixels. */
  pixels?: number | undefined;
}

/** Takes note of a problem. */
export type ReportProblem = (kind: DicomProblemKind, message: string, pixels?: number) => void;

/** One problem for each kind and message, saying how many files and pixels have it. */
export function mergeProblems(problems: readonly DicomProblem[]): DicomProblem[] {
  const groups = new Map<string, DicomProblem[]>();
  for (const problem of problems) {
    const key = `${problem.kind} ${problem.message}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [problem]);
    else group.push(problem);
  }
  return [...groups.values()].map((group) => {
    const [first] = group as [DicomProblem];
    const files = new Set(group.map(({ file }) => file)).size;
    return {
      ...first,
      ...(files > 1 && { message: `${first.message} (in ${files} files)` }),
      ...(first.pixels !== undefined && { pixels: group.reduce((sum, { pixels = 0 }) => sum + pixels, 0) }),
    };
  });
}
