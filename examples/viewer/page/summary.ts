// The findings in the whole stack.
import type { ModelInfo, Scores, Stack } from '../protocol';
import { byId, element, showText } from './dom';

/** Per label: the highest calibrated probability, and its slice. */
export function showSummary(
  model: ModelInfo,
  { probabilities, seconds, backend, assumed }: Scores,
  stack: Stack,
  onSlice: (slice: number) => void,
): void {
  const table = byId('summary');
  const slices = stack.names.length;
  const ofSlices = model.level === 'slices';
  const rows = model.labels.map((label, k) => {
    const column = probabilities.map((row) => row[k]!);
    const best = column.indexOf(Math.max(...column));
    const [probability, threshold] = [column[best]!, model.thresholds[k]!];
    const isFound = probability >= threshold;
    const count = column.filter((value) => value >= threshold).length;
    const meter = element('span', { class: 'meter', 'aria-hidden': 'true' }, element('i'), element('b'));
    (meter.children[0] as HTMLElement).style.width = `${100 * probability}%`;
    (meter.children[1] as HTMLElement).style.left = `${100 * threshold}%`;
    const where = element('td');
    if (ofSlices) {
      const button = element('button', { class: 'link', 'aria-label': `${label}: go to slice ${best + 1}` }, `slice ${best + 1}`);
      button.addEventListener('click', () => onSlice(best));
      where.append(button);
      if (isFound) where.append(element('span', { class: 'where dim' }, `${count} of ${slices}`));
    } else {
      where.append('patient');
    }
    return element(
      'tr',
      { class: isFound ? 'found' : undefined },
      element('th', { scope: 'row', title: model.names[k] }, label, element('span', { class: 'verdict' }, isFound ? 'found' : 'not found')),
      element('td', {}, meter, probability.toFixed(3)),
      element('td', { class: 'number' }, threshold.toFixed(3)),
      where,
    );
  }); // prettier-ignore
  table.querySelector('tbody')!.replaceChildren(...rows);
  table.querySelector('caption')!.textContent =
    `${slices} slices scored in ${seconds.toFixed(1)} s (${backend})`;
  table.hidden = false;
  byId('no-summary').hidden = true;
  showText(byId('assumed'), assumed);
}

/** Shows why nothing is scored. */
export function showNoSummary(why: string): void {
  byId('summary').hidden = true;
  showText(byId('no-summary'), why);
  showText(byId('assumed'), undefined);
}

/** Notes on the figures. */
export function showCaution(model: ModelInfo | undefined, stack: Stack | undefined): void {
  const untaught = model?.isSample === true && stack !== undefined && !stack.isSample;
  const text = 'This model has seen synthetic heads alone. On a real scan its numbers mean nothing: open a checkpoint that was trained on patients.'; // prettier-ignore
  showText(byId('caution'), untaught ? text : undefined);
}
