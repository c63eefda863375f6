import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { dicomResults } from '../../src/cli/dicom_results';
import { DicomDataSet } from '../../src/dicom/data_set';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { openDicomFolder } from '../../src/node/study/dicom_folder';
import { createPreprocessing } from '../../src/transforms/preprocessing';
import { ctSlice, dicomBytes } from '../support/dicom_bytes';
import { temporaryFolder } from '../support/folder';

describe('dicomResults', () => {
  it.each([0, 1, 2])('draws each slice, and none of its %i neighbours on a side', async (neighbors) => {
    const folder = await temporaryFolder();
    const stored = [0, 20, 40, 60, 80]; // HU: gray levels in the window of 0..80
    for (const [i, hu] of stored.entries()) {
      const slice = ctSlice({
        ...{ rows: 16, columns: 16, position: [0, 0, 5 * i], uid: `1.2.${i + 1}` },
        stored: Array<number>(256).fill(hu),
        elements: { '0008,0016': ['UI', '1.2.840.10008.5.1.4.1.1.2'] },
      });
      await writeFile(path.join(folder, `${i}.dcm`), dicomBytes(slice));
    }
    const preprocessing = createPreprocessing({
      ...{ windows: ['brain'], clahe: false, imageSize: [16, 16], neighbors },
    });
    const labels = ['ich'] as const;
    const options = { preprocessing, labels, requireLabels: false, allow: ['implausible-hu'] } as const;
    const study = await openDicomFolder(folder, options);
    const input = tf.input({ shape: [16, 16, 2 * neighbors + 1] });
    // sees nothing: its maps are zero, and what lies under them is drawn as it is
    const conv = tf.layers.conv2d({ filters: 2, kernelSize: 3, kernelInitializer: 'zeros' });
    const pool = tf.layers.globalAveragePooling2d({});
    const backbone = tf.model({
      inputs: input,
      outputs: pool.apply(conv.apply(input)) as tf.SymbolicTensor,
    });
    const model = buildCtBrainModel({ variant: 'VGG16', backbone, labels, seed: 1 });
    const manifest = {
      ...{ labels, thresholds: [0.5], preprocessing, model: { variant: 'VGG16' } },
      checksums: { description: '00000000', weights: '00000000' },
    } as unknown as Parameters<typeof dicomResults>[0]['manifest'];
    const pictures: [source: string, gray: number][] = [];
    for await (const { name, bytes } of dicomResults({ model, manifest }, study, 'P1', stored.map(() => [0.9]))) {
      if (name === 'report.dcm') continue;
      const picture = DicomDataSet.parse(bytes, {});
      const [source] = picture.items('x00082112');
      const { offset } = picture.pixelData!;
      pictures.push([source!.text('x00081155')!, bytes[offset]!]);
    } // prettier-ignore
    expect(pictures).toEqual(stored.map((hu, i) => [`1.2.${i + 1}`, Math.round((255 * hu) / 80)]));
  });
});
