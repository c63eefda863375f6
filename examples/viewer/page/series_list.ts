// The opened series, with the problems of each.
import type { Listing, Problem, SeriesItem } from '../protocol';
import { byId, element } from './dom';

const ORDER = ['error', 'warning', 'note'] as const;

export function showSeries(
  items: readonly SeriesItem[],
  current: string | undefined,
  onChoose: (item: SeriesItem) => void,
): void {
  byId('no-series').hidden = items.length > 0;
  byId('series').replaceChildren(...items.map((item) => lineOf(item, item.id === current, onChoose)));
}

function lineOf(item: SeriesItem, isCurrent: boolean, onChoose: (item: SeriesItem) => void): HTMLElement {
  const button = element(
    'button',
    { class: 'series', 'aria-current': isCurrent ? 'true' : undefined },
    element('b', {}, item.title),
    element('span', { class: 'dim' }, item.detail),
  );
  button.addEventListener('click', () => onChoose(item));
  const line = element('li', {}, button);
  if (item.problems.length > 0) line.append(problemsOf(item.problems));
  return line;
}

function problemsOf(problems: readonly Problem[]): HTMLElement {
  const sorted = [...problems].sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
  const counts = ORDER.map(
    (severity) => [severity, sorted.filter((one) => one.severity === severity).length] as const,
  );
  const words = counts.filter(([, count]) => count > 0).map(([severity, count]) => `${count} ${severity}${count === 1 ? '' : 's'}`); // prettier-ignore
  return element(
    'details',
    { class: `problems ${sorted[0]!.severity}` },
    element('summary', {}, words.join(', ')),
    element('ul', {}, ...sorted.map(({ severity, message }) => element('li', { class: severity }, `${severity}: ${message}`))),
  ); // prettier-ignore
}

/** Most names that are listed: a folder may contain very many other files. */
const MOST = 200;

export function showLeftOut(leftOut: Listing['leftOut']): void {
  const place = byId('left-out');
  place.hidden = leftOut.length === 0;
  place.querySelector('summary')!.textContent =
    `${leftOut.length} ${leftOut.length === 1 ? 'file' : 'files'} left out`;
  const lines = leftOut
    .slice(0, MOST)
    .map(({ file, reason }) => element('li', {}, element('b', {}, file), ` ${reason}`));
  if (leftOut.length > MOST) lines.push(element('li', {}, `and ${leftOut.length - MOST} more`));
  place.querySelector('ul')!.replaceChildren(...lines);
}
