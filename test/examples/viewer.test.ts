import { describe, expect, it } from 'vitest';
import { heatColor, heatOpacity } from '../../examples/viewer/page/colors';
import { droppedFiles, isCheckpoint } from '../../examples/viewer/page/dropped_files';
import { dragged, PRESETS } from '../../examples/viewer/page/windows';
import { builtFrom } from '../../examples/viewer/worker/built_from';
import { naturally, withOwnPaths } from '../../examples/viewer/worker/groups';
import { edgeLetters, whole, windowFor } from '../../examples/viewer/worker/pixels';
import { builtFrom as builtFromOfCommands } from '../../src/cli/dicom_results';

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

  it('calls a model as the command line does: by what is in it', () => {
    const called = [
      [{ variant: 'VGG16 + LRNN' }, 'VGG16 + LRNN'],
      [{ variant: 'VGG16 + LRNN', backbone: 'vgg16' }, 'VGG16 + LRNN'],
      [{ variant: 'VGG16 + LRNN', backbone: 'smallCnn' }, 'smallCnn + LRNN'],
      [{ variant: 'recommended', backbone: 'squeezenet1_1' }, 'recommended'],
      [{ backbone: 'resnet18' }, 'resnet18'],
      [{}, 'a model'],
    ] as const;
    for (const [model, name] of called) {
      expect(builtFrom(model)).toBe(name);
      expect(builtFromOfCommands(model)).toBe(name);
    }
  });

  it('walks dropped folders, and names what the browser cannot read', async () => {
    const folder = (name: string, children: object[]) => {
      const left = [children, []];
      const readEntries = (resolve: (some: object[]) => void) => resolve(left.shift()!);
      return { name, isFile: false, createReader: () => ({ readEntries }) };
    };
    const file = (name: string, error?: Error) => ({
      ...{ name, isFile: true },
      file: (resolve: (value: File) => void, reject: (error: Error) => void) =>
        error === undefined ? resolve(new File([], name)) : reject(error),
    });
    const drop = (entry: object) =>
      droppedFiles({ items: [{ webkitGetAsEntry: () => entry }], files: [] } as never);
    const found = await drop(folder('a', [file('1.dcm'), folder('b', [file('2.dcm')])]));
    expect(found.map(({ path }) => path)).toEqual(['a/1.dcm', 'a/b/2.dcm']);
    const gone = folder('a', [folder('b', [file('2.dcm', new Error('it is gone'))])]);
    await expect(drop(gone)).rejects.toThrow('a/b/2.dcm cannot be read: it is gone');
  });
});
