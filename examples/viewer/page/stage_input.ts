// Wheel, keys and drags on the image.
import type { DisplayWindow } from '../protocol';
import { dragged } from './windows';

/** An action on the image. */
export interface StageActions {
  /** Moves by a number of slices. */
  move: (slices: number) => void;
  /** Moves to the first or the last slice. */
  moveToEnd: (end: 'first' | 'last') => void;
  window: () => DisplayWindow;
  setWindow: (window: DisplayWindow) => void;
  preset: (place: number) => void;
  toggleHeat: () => void;
  reset: () => void;
}

/** Of a wheel, in its own pixels: a step of most mice is 100, and touchpads send many small ones. */
const WHEEL_STEP = 50;

/** Slices per PageUp and PageDown. */
const PAGE = 5;

/** Listens to the stage. Keys only work while it has the focus, so that they do not interfere elsewhere. */
export function listenOn(stage: HTMLElement, actions: StageActions): void {
  let wheeled = 0;
  stage.addEventListener(
    'wheel',
    (event) => {
      if (event.ctrlKey || event.metaKey) return; // the browser's own zoom
      event.preventDefault();
      wheeled +=
        event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : WHEEL_STEP * Math.sign(event.deltaY);
      const slices = Math.trunc(wheeled / WHEEL_STEP);
      if (slices === 0) return;
      wheeled -= slices * WHEEL_STEP;
      actions.move(Math.sign(slices) * Math.min(Math.abs(slices), PAGE));
    },
    { passive: false },
  );
  stage.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== stage) return;
    const action = keys(actions)[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    const preset = Number(event.key);
    if (action === undefined && !(preset >= 1 && preset <= 9)) return;
    event.preventDefault();
    if (action === undefined) actions.preset(preset - 1);
    else action();
  });
  listenToDrags(stage, actions);
}

function keys({
  move,
  moveToEnd,
  toggleHeat,
  reset,
}: StageActions): Record<string, (() => void) | undefined> {
  return {
    ArrowDown: () => move(1),
    ArrowRight: () => move(1),
    ArrowUp: () => move(-1),
    ArrowLeft: () => move(-1),
    PageDown: () => move(PAGE),
    PageUp: () => move(-PAGE),
    Home: () => moveToEnd('first'),
    End: () => moveToEnd('last'),
    h: toggleHeat,
    r: reset,
  };
}

/** Left and right for the width of the window, up and down for its centre. */
function listenToDrags(stage: HTMLElement, { window, setWindow }: StageActions): void {
  let start: { x: number; y: number; window: DisplayWindow } | undefined;
  stage.addEventListener('pointerdown', (event) => {
    if (event.button !== 0 || (event.target as Element).closest('button') !== null) return;
    start = { x: event.clientX, y: event.clientY, window: window() };
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener('pointermove', (event) => {
    if (start === undefined) return;
    setWindow(dragged(start.window, event.clientX - start.x, event.clientY - start.y));
  });
  const end = () => (start = undefined);
  stage.addEventListener('pointerup', end);
  stage.addEventListener('pointercancel', end);
}
