import { describe, expect, it } from 'vitest';
import { heatColor, heatOpacity } from '../../examples/viewer/page/colors';
import { isCheckpoint } from '../../examples/viewer/page/dropped_files';
import { dragged, PRESETS } from '../../examples/viewer/page/windows';
import { naturally, withOwnPaths } from '../../examples/viewer/worker/groups';
import { edgeLetters, whole, windowFor } from '../../examples/viewer/worker/pixels';

// What needs a page is checked in Chromium, by scripts/package/viewer.mjs.
describe('the viewer', () => {
  it('says where the sides of the patient are', () => {
    const axial = [[1, 0, 0], [0, 1, 0]] as const; // prettier-ignore
    expect(edgeLetters(axial)).toEqual({ left: 'R', right: 'L', top: 'A', bottom: 'P' });
    const coronal = [[1, 0, 0], [0, 0, -1]] as const; // prettier-ignore
    expect(edgeLetters(coronal)).toEqual({ left: 'R', right: 'L', top: 'H', bottom: 'F' });
    const tilted = [[1, 0, 0], [0, 0.94, -0.34]] as const; // prettier-ignore
    expect(edgeLetters(tilted)).toEqual({ left: 'R', right: 'L', top: 'A', bottom: 'P' });
    const oblique = [[0.8, 0.6, 0], [-0.6, 0.8, 0]] as const; // prettier-ignore
    expect(edgeLetters(oblique)).toEqual({ left: 'RA', right: 'LP', top: 'AL', bottom: 'PR' });
  });

  it('shows axial CT in the window of the brain, and all else in its own', () => {
    const values = Float32Array.of(0, 50, 200);
    const own = { windowCenter: [300], windowWidth: [1500] };
    expect(windowFor(own, values, true)).toEqual({ center: 40, width: 80 });
    expect(windowFor(own, values, false)).toEqual({ center: 300, width: 1500 });
    expect(windowFor({ windowCenter: [], windowWidth: [] }, values, false)).toEqual({
      center: 100,
      width: 200,
    });
  });

  it('keeps values that the page can hold', () => {
    expect([...whole(Float32Array.of(-1024.4, 0.5, 1e6, -1e6), 1)]).toEqual([-1024, 1, 32767, -32768]);
    expect([...whole(Float32Array.of(40, 100), 0.12)]).toEqual([333, 833]);
  });

  it('changes a window by drags, within bounds', () => {
    const brain = PRESETS[0]!;
    expect(dragged(brain, 0, 0)).toEqual({ center: 40, width: 80 });
    expect(dragged(brain, 40, -40)).toEqual({ center: 29, width: 91 });
    expect(dragged(brain, -1e6, 1e6)).toEqual({ center: 4000, width: 1 });
  });

  it('colours heat, more opaque where it is hotter', () => {
    expect(heatColor(0)).toEqual([0, 0, 4]);
    expect(heatColor(255)).toEqual([252, 255, 164]);
    expect([0, 64, 255].map(heatOpacity)).toEqual([0, 128, 255]);
  });

  it('tells a checkpoint from a study, and files of one name from one another', () => {
    const files = (...paths: string[]) => paths.map((path) => ({ path, file: new File([], path) }));
    expect(isCheckpoint(files('run/model.json', 'run/weights.bin'))).toBe(true);
    expect(isCheckpoint(files('a.dcm', 'b.json'))).toBe(false);
    expect(isCheckpoint(files('model.json'))).toBe(false);
    const paths = withOwnPaths(files('a.dcm', 'b.dcm', 'a.dcm')).map(({ path }) => path);
    expect(paths).toEqual(['a.dcm', 'b.dcm', 'a.dcm (2)']);
    expect(['a10', 'a9', 'a1'].sort(naturally)).toEqual(['a1', 'a9', 'a10']);
  });
});
