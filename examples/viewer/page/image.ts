// The image: a slice of a stack in a window, and its cursors.
import type { DisplayWindow, Pixels, Stack } from '../protocol';
import { byId, element } from './dom';
import { SliceView } from './slice_view';
import { Strips } from './strips';
import { PRESETS } from './windows';

const stage = byId('stage');
const canvas = byId<HTMLCanvasElement>('canvas');
const slider = byId<HTMLInputElement>('slice');

export const view = new SliceView(canvas);
export const strips = new Strips(byId('strips'), showSlice);

let stack: Stack | undefined;

/** Shows no image. */
export function clearImage(): void {
  stack = undefined;
  Object.assign(view, { pixels: undefined, heat: undefined });
  slider.disabled = true;
  stage.dataset['state'] = 'empty';
  byId('welcome').hidden = false;
  // its buttons are for screen readers too, and a slider has no parts
  stage.setAttribute('role', 'group');
  stage.setAttribute('aria-label', 'Image');
  for (const value of ['min', 'max', 'now', 'text']) stage.removeAttribute(`aria-value${value}`);
  redraw();
}

/** The first available slice, while the others are read. */
export function showPreview(pixels: Pixels): void {
  if (stack !== undefined) return;
  Object.assign(view, { slice: 0, corners: { topLeft: ['first slice'] } });
  showPixels(pixels, 'preview');
}

/** A stack, beginning with its middle slice. */
export function showStackImage(opened: Stack): void {
  stack = opened;
  Object.assign(slider, { disabled: false, max: String(opened.names.length) });
  view.slice = Math.floor(opened.names.length / 2);
  showPixels(opened, 'stack');
  showSlice(view.slice);
  stage.focus({ preventScroll: true });
}

function showPixels(pixels: Pixels, state: 'preview' | 'stack'): void {
  byId('welcome').hidden = true;
  stage.dataset['state'] = state;
  view.pixels = pixels;
  setWindow(pixels.window);
}

/** Shows a slice of the stack, from 0, or the nearest existing one. */
export function showSlice(slice: number): void {
  if (stack === undefined) return;
  const count = stack.names.length;
  view.slice = Math.min(count - 1, Math.max(0, slice));
  slider.value = String(view.slice + 1);
  byId('slice-text').textContent = `${view.slice + 1} / ${count}`;
  strips.move(view.slice);
  redraw();
}

export function setWindow({ center, width }: DisplayWindow): void {
  view.window = { center: Math.round(center), width: Math.max(1, Math.round(width)) };
  redraw();
}

/** Redraws the image with its annotations. */
export function redraw(): void {
  const { center, width } = view.window;
  const isShown = view.pixels !== undefined;
  byId('window').textContent = isShown ? `C ${center}  W ${width} HU` : '';
  for (const [i, button] of [...byId('presets').children].entries()) {
    const isOn = isShown && PRESETS[i]!.center === center && PRESETS[i]!.width === width;
    button.setAttribute('aria-pressed', String(isOn));
  }
  if (stack !== undefined) {
    const { names, title, isSample } = stack;
    const place = `slice ${view.slice + 1} of ${names.length}`;
    const heat = view.heat ? `, heat map of ${view.heat.label}` : '';
    slider.setAttribute('aria-valuetext', place);
    const found = strips.found(view.slice);
    const labels = found && (found.length > 0 ? found.join(', ') : 'nothing found');
    // a slider: screen readers pass its keys on, and read its value when it changes
    const image = {
      ...{ role: 'slider', 'aria-label': title, 'aria-valuemin': 1, 'aria-valuemax': names.length },
      'aria-valuenow': view.slice + 1,
      'aria-valuetext': [place, labels, `window ${center}/${width} HU${heat}`].filter(Boolean).join(', '),
    };
    for (const [name, value] of Object.entries(image)) stage.setAttribute(name, String(value));
    view.corners = {
      topLeft: [`${view.slice + 1} / ${names.length}`, names[view.slice]!.split('/').at(-1)!],
      topRight: isSample ? ['synthetic: no patient'] : [],
      bottomLeft: ['Research use only', `C ${center} W ${width}`],
    };
  }
  view.draw();
}

/** Buttons of the presets, and the slider. */
export function listenToImage(): void {
  byId('presets').append(
    ...PRESETS.map((preset, i) => {
      const title = `${preset.title}: ${preset.center}/${preset.width} HU (${i + 1})`;
      const button = element('button', { title, 'aria-pressed': 'false' }, preset.name);
      button.addEventListener('click', () => setWindow(preset));
      return button;
    }),
  );
  slider.addEventListener('input', () => showSlice(slider.valueAsNumber - 1));
}
