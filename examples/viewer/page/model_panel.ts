// The panel of the model: its card, and other checkpoints.
import type { ModelInfo, ModelOrigin } from '../protocol';
import { byId, element, showText } from './dom';
import { filesOf } from './dropped_files';

/** Listens to the panel. */
export function listenToModels(open: (origin: ModelOrigin) => void, keep: (name: string) => void): void {
  const input = byId<HTMLInputElement>('model-files');
  byId('open-model').addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    const files = filesOf(input.files).map(({ file }) => file);
    input.value = ''; // the same files may be chosen again
    if (files.length > 0) open({ files });
  });
  byId('keep-model').addEventListener('click', () => {
    const name = byId('model-name').dataset['name'] ?? 'model';
    keep(`${name} ${byId('model-name').dataset['version'] ?? ''}`.trim());
  });
  const stored = byId<HTMLSelectElement>('stored');
  stored.addEventListener('change', () => {
    if (stored.value !== '') open({ stored: stored.value });
  });
}

export function showModel({ name, version, card, isSample }: ModelInfo): void {
  const place = byId('model-name');
  showText(place, isSample ? `${name} (bundled, synthetic heads alone)` : name);
  Object.assign(place.dataset, { name, version });
  const terms = card.flatMap(([term, text]) => [element('dt', {}, term), element('dd', {}, text)]);
  byId('card')
    .querySelector('dl')!
    .replaceChildren(...terms);
  byId<HTMLButtonElement>('keep-model').disabled = isSample;
}

/** The models stored in this browser. */
export function showStored(names: readonly string[]): void {
  byId('stored-field').hidden = names.length === 0;
  const options = names.map((name) => new Option(name));
  byId<HTMLSelectElement>('stored').replaceChildren(new Option('choose …', ''), ...options);
}
