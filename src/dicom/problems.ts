/**
 * Severity of a problem: `'error'`, values or order are wrong, and the file is refused unless the caller skips it or
 * allows the kind; `'warning'`, something was assumed or ignored and should be reviewed; `'note'`, unusual but
 * harmless.
 *
 * @inline
 */
export type DicomProblemSeverity = 'error' | 'warning' | 'note';

/** Kinds of unusual properties of a file or a series. */
export type DicomProblemKind =
  | 'not-hu'
  | 'not-ct'
  | 'implausible-hu'
  | 'one-position'
  | 'missing-rescale'
  | 'implausible-rescale'
  | 'unknown-unit'
  | 'wrapped-values'
  | 'modality-lut'
  | 'bits-outside-stored'
  | 'codestream-mismatch'
  | 'syntax-mismatch'
  | 'character-set'
  | 'unreadable-value'
  | 'missing-value'
  | 'missing-position'
  | 'missing-orientation'
  | 'missing-spacing'
  | 'oblique'
  | 'duplicate-position'
  | 'duplicate-instance'
  | 'gap'
  | 'split-series'
  | 'merged-series'
  | 'mixed-series'
  | 'uneven-spacing'
  | 'gantry-tilt'
  | 'turned'
  | 'patient-named'
  | 'burned-in-text'
  | 'excess-pixel-data'
  | 'pixel-padding'
  | 'monochrome1';

/** Severity of each kind. */
const SEVERITIES: Record<DicomProblemKind, DicomProblemSeverity> = {
  'not-hu': 'error',
  'not-ct': 'error',
  'implausible-hu': 'error',
  'one-position': 'error',
  'missing-rescale': 'warning',
  'implausible-rescale': 'warning',
  'unknown-unit': 'warning',
  'wrapped-values': 'warning',
  'modality-lut': 'warning',
  'bits-outside-stored': 'warning',
  'codestream-mismatch': 'warning',
  'syntax-mismatch': 'warning',
  'character-set': 'warning',
  'unreadable-value': 'warning',
  'missing-value': 'warning',
  'missing-position': 'warning',
  'missing-orientation': 'warning',
  'missing-spacing': 'warning',
  oblique: 'warning',
  'duplicate-position': 'warning',
  'duplicate-instance': 'warning',
  gap: 'warning',
  'split-series': 'warning',
  'merged-series': 'warning',
  'patient-named': 'warning',
  'burned-in-text': 'warning',
  'mixed-series': 'note',
  'uneven-spacing': 'note',
  'gantry-tilt': 'note',
  turned: 'note',
  'excess-pixel-data': 'note',
  'pixel-padding': 'note',
  monochrome1: 'note',
};

/** Every {@link DicomProblemKind}. */
export const PROBLEM_KINDS = Object.keys(SEVERITIES) as readonly DicomProblemKind[];

/** An unusual property of a file or a series. */
export interface DicomProblem {
  kind: DicomProblemKind;
  severity: DicomProblemSeverity;
  /** What was expected, what was found, and how it was handled. */
  message: string;
  /** The file, or the first of several. */
  file?: string | undefined;
  /** Number of affected pixels, if any. */
  pixels?: number | undefined;
}

/** Records a problem. */
export type ReportProblem = (kind: DicomProblemKind, message: string, pixels?: number) => void;

/** A problem with the severity of its kind. */
export function problem(
  kind: DicomProblemKind,
  message: string,
  rest: Pick<DicomProblem, 'file' | 'pixels'> = {},
): DicomProblem {
  return { kind, severity: SEVERITIES[kind], message, ...rest };
}

/** The first problem that is an error and not allowed. */
export function firstError(
  problems: readonly DicomProblem[],
  allow: readonly DicomProblemKind[],
): DicomProblem | undefined {
  return problems.find(({ kind, severity }) => severity === 'error' && !allow.includes(kind));
}

/** One problem for each kind and message, with the numbers of files and pixels. */
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
