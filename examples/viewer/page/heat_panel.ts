// The choice of a heat map: none, or one of a label and method.
import { HEAT_METHODS, type HeatMap, type HeatMethod, type ModelInfo, type Scores } from '../protocol';
import { byId, showText } from './dom';

/** Label and method of a heat map. */
export interface HeatChoice {
  label: number;
  method: HeatMethod;
}

const [toggle, opacity] = [byId<HTMLInputElement>('heat'), byId<HTMLInputElement>('opacity')];
const [label, method] = [byId<HTMLSelectElement>('heat-label'), byId<HTMLSelectElement>('heat-method')];

const HINT = 'What speaks for a label, through the whole model; 1 is the hottest point of the stack.';

/** Listens to the panel; `onChange` is called with the heat map to show, or undefined. */
export function listenToHeat(
  onChange: (choice: HeatChoice | undefined) => void,
  onOpacity: (share: number) => void,
): void {
  const change = () => onChange(toggle.checked ? heatChoice() : undefined);
  for (const field of [toggle, label, method]) field.addEventListener('change', change);
  opacity.addEventListener('input', () => {
    opacity.setAttribute('aria-valuetext', `${opacity.value} %`);
    onOpacity(Number(opacity.value) / 100);
  });
}

export const heatChoice = (): HeatChoice => ({
  label: Number(label.value),
  method: method.value as HeatMethod,
});

export const isHeatShown = (): boolean => toggle.checked;

/** Turns it on or off, as a click would. */
export function toggleHeat(): void {
  if (!toggle.disabled) toggle.click();
}

/** Disables the panel if nothing is scored. */
export function disableHeat(): void {
  toggle.checked = false;
  for (const field of [toggle, label, method]) field.disabled = true;
  showText(byId('heat-text'), HINT);
}

/** Offers the labels, with the most probable one selected. */
export function offerHeat(
  { labels, names, thresholds }: ModelInfo,
  { probabilities }: Scores,
  isSmall: boolean,
): void {
  const excess = labels.map((_, k) => Math.max(...probabilities.map((row) => row[k]!)) - thresholds[k]!);
  label.replaceChildren(
    ...labels.map((one, k) => new Option(names[k] === one ? one : `${one}: ${names[k]}`, String(k))),
  );
  label.value = String(excess.indexOf(Math.max(...excess)));
  // many passes through a large model take minutes
  method.value = HEAT_METHODS[isSmall ? 0 : 1];
  for (const field of [toggle, label, method]) field.disabled = false;
}

export function showHeatText(map: HeatMap): void {
  const nothing = map.values.every((value) => value === 0);
  const found = nothing ? 'Nothing in the stack speaks for this label.' : HINT;
  showText(byId('heat-text'), `${found} (${map.seconds.toFixed(1)} s)`);
}
