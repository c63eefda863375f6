import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CT_LABELS } from '../../../src/data/labels/labels';
import { RSNA_LABELS } from '../../../src/data/labels/rsna_labels';
import { DicomDataSet } from '../../../src/dicom/data_set';
import type { ElementSet } from '../../../src/dicom/element_set';
import { dicomReport, NoImageError, parseDicomHeader } from '../../../src/dicom/index';
import { realData } from '../../support/data';
import {
  dciodvfyErrors,
  dsrdump,
  hasDciodvfy,
  hasDsrdump,
  pydicom,
  pythonWithPydicom,
} from '../../support/dicom_tools';
import { DATE, MODEL, sourceSlice, stack } from './source';

const OPTIONS = {
  model: MODEL,
  labels: ['ich', 'sdh'],
  probabilities: [
    [0.1, 0.25],
    [0.7, 0.26],
    [0.3, 0.05],
  ],
  thresholds: [0.3, 0.5],
  date: DATE,
};

const report = (options: object = {}, images = stack(3)) => dicomReport(images, { ...OPTIONS, ...options });

/** Items below one that have a concept of this meaning. */
const named = (item: ElementSet, meaning: string): ElementSet[] =>
  item.items('x0040a730').filter((one) => one.items('x0040a043')[0]?.text('x00080104') === meaning);

/** What an item of content says. */
const said = (item: ElementSet | undefined) =>
  item?.items('x0040a168')[0]?.text('x00080104') ??
  item?.items('x0040a300')[0]?.text('x0040a30a') ??
  item?.items('x00081199')[0]?.text('x00081155') ??
  item?.text('x0040a160');

/** The findings of a report as our own reader reads it. */
function findingsOf(bytes: Uint8Array) {
  const measurements = named(DicomDataSet.parse(bytes, {}), 'Imaging Measurements')[0]!;
  return named(measurements, 'Measurement Group').map((group) =>
    [
      'Tracking Identifier',
      'Finding',
      'Source of Measurement',
      'Certainty of Finding',
      'Decision threshold',
      'Presence',
    ].map((meaning) => said(named(group, meaning)[0])),
  );
}

describe('dicomReport', () => {
  it('says of the stack and of the slices that have it what was found, where, and by which threshold', async () => {
    expect(findingsOf(await report())).toEqual([
      ['ich', 'Cerebral hemorrhage', '1.2.1.2', '70', '30', 'Present'],
      ['ich, slice 2', 'Cerebral hemorrhage', '1.2.1.2', '70', '30', 'Present'],
      ['ich, slice 3', 'Cerebral hemorrhage', '1.2.1.3', '30', '30', 'Present'],
      ['sdh', 'Subdural intracranial hemorrhage', '1.2.1.2', '26', '50', 'Absent'],
    ]);
  });

  it('says of a model of patients what it says of the whole stack', async () => {
    const rows = findingsOf(await report({ probabilities: [[0.75, 0.25]] }));
    expect(rows).toEqual([
      ['ich', 'Cerebral hemorrhage', undefined, '75', '30', 'Present'],
      ['sdh', 'Subdural intracranial hemorrhage', undefined, '25', '50', 'Absent'],
    ]);
  });

  it('takes patient and study over, as UTF-8, and says that it is not for clinical use', async () => {
    const bytes = await report();
    const read = DicomDataSet.parse(bytes, {});
    const text = (tag: string) => read.text(tag);
    expect(text('x00080005')).toBe('ISO_IR 192');
    expect(text('x00100010')).toBe('Buc^Jérôme');
    expect(text('x00080090')).toBe("O'Née");
    const rest = ['x00100020', 'x00100030', 'x00100040', 'x00101010', 'x0020000d', 'x00200010', 'x00080050'];
    expect(rest.map(text)).toEqual(['P1', '19500102', 'M', '074Y', '1.2', '4711', 'A17']);
    expect(['x00080020', 'x00080030', 'x00081030'].map(text)).toEqual(['20240516', '235959.5', 'HEAD']);
    expect(['x00080023', 'x00080033'].map(text)).toEqual(['20240517', '090503']);
    expect(text('x0008103e')).toBe('AI findings, not for clinical use');
    expect(named(read, 'Comment').map(said)).toEqual(['Research use only. Not for clinical use.']);
    expect(named(read, 'Device Observer Name').map(said)).toEqual(['head CT 2024-05']);
    const measurements = named(read, 'Imaging Measurements')[0]!;
    expect(named(measurements, 'Algorithm Version').map(said)).toEqual(['2024-05']);
    // a report is no image, and no series reads it as one
    expect(() => parseDicomHeader(bytes)).toThrow(NoImageError);
  });

  it('lists every image as evidence, by series', async () => {
    const other = sourceSlice(2, { elements: { '0020,000e': ['UI', '1.2.9'] } });
    const images = [...stack(2), { bytes: other, file: 's2.dcm' }];
    const [evidence] = DicomDataSet.parse(await report({}, images), {}).items('x0040a375');
    const series = evidence!
      .items('x00081115')
      .map((one) => [
        one.text('x0020000e'),
        ...one.items('x00081199').map((image) => image.text('x00081155')),
      ]);
    expect(series).toEqual([
      ['1.2.0', '1.2.1.1', '1.2.1.2'],
      ['1.2.9', '1.2.1.3'],
    ]);
  });

  it('names the frame of a file that has several', async () => {
    const bytes = sourceSlice(0, {
      stored: Array.from({ length: 36 }, () => 40),
      elements: {
        '0028,0008': ['IS', '3'],
        '0008,0016': ['UI', '1.2.840.10008.5.1.4.1.1.2.1'],
      },
    });
    const images = [0, 1, 2].map((frame) => ({ bytes, frame, file: 'enhanced.dcm' }));
    const measurements = named(DicomDataSet.parse(await report({}, images), {}), 'Imaging Measurements')[0]!;
    const frames = named(measurements, 'Measurement Group').map((group) =>
      named(group, 'Source of Measurement')[0]!.items('x00081199')[0]!.text('x00081160'),
    );
    expect(frames).toEqual(['2', '2', '3', '2']);
    await expect(report({}, [{ bytes, file: 'enhanced.dcm' } as never])).rejects.toThrow(
      'the file has 3 frames, expected one of 0..2 as frame (file enhanced.dcm)',
    );
  });

  it('has UIDs that depend on study, images and model, and on nothing else', async () => {
    const uidOf = (bytes: Uint8Array) => DicomDataSet.parse(bytes, {}).text('x00080018');
    const first = await report();
    const again = await report();
    expect(again).toEqual(first);
    expect(uidOf(first)).toMatch(/^2\.25\.[1-9]\d{30,38}$/);
    const later = await report({ date: new Date(), thresholds: [0.2, 0.2] });
    expect(uidOf(later)).toBe(uidOf(first));
    const others = [
      await report({ model: { ...MODEL, version: '2' } }),
      await report({ model: { ...MODEL, name: 'other' } }),
      await report({ probabilities: [[0.1, 0.2]] }, stack(2)),
    ];
    expect(new Set([first, ...others].map(uidOf)).size).toBe(4);
  });

  it('has a code for every label of the two challenges, and asks for those of others', async () => {
    const all = [...CT_LABELS, ...RSNA_LABELS];
    const rows = [all.map(() => 0.5)];
    const codes = findingsOf(await report({ labels: all, probabilities: rows, thresholds: rows[0] }));
    expect(codes.every(([, meaning]) => meaning?.includes('hemorrhage'))).toBe(true);
    const own = { labels: ['fracture'], probabilities: [[0.5]], thresholds: [0.4] };
    await expect(report(own)).rejects.toThrow("codes: expected one for the label 'fracture'");
    const given = { fracture: { value: '71642004', scheme: 'SCT', meaning: 'Fracture of skull' } };
    expect(findingsOf(await report({ ...own, codes: given }))[0]![1]).toBe('Fracture of skull');
  });

  it('says what an image lacks, and which', async () => {
    const without = (tag: string, value?: [string, string]) =>
      report({ probabilities: [[0.1, 0.2]] }, [
        ...stack(1),
        { bytes: sourceSlice(1, { elements: { [tag]: value } }), file: 's1.dcm' },
      ]);
    await expect(without('0008,0018')).rejects.toThrow('has no SOPInstanceUID, which a result refers to (file s1.dcm)'); // prettier-ignore
    await expect(without('0008,0016')).rejects.toThrow('has no SOPClassUID');
    await expect(without('0020,000e')).rejects.toThrow('has no SeriesInstanceUID');
    await expect(without('0008,0018', ['UI', 'ID_7'])).rejects.toThrow(
      'SOPInstanceUID is "ID_7", expected a UID (file s1.dcm)',
    );
    await expect(without('0020,000d', ['UI', '1.3'])).rejects.toThrow(
      'expected images of one study and patient, found another than in s0.dcm (file s1.dcm)',
    );
    await expect(without('0010,0010', ['PN', 'A\x1b$(E4F'])).rejects.toThrow(
      'PatientName is not text in its SpecificCharacterSet "ISO_IR 100" (file s1.dcm)',
    );
  });

  it('refuses images that a server could not tell apart, as where one UID stands for all', async () => {
    const same = { bytes: sourceSlice(0, { position: [0, 0, 5] }), file: 's1.dcm' };
    await expect(report({ probabilities: [[0.1, 0.2]] }, [...stack(1), same])).rejects.toThrow(
      'SOPInstanceUID and frame are also those of s0.dcm (file s1.dcm)',
    );
  });

  it('leaves a name empty whose character set is not stated, rather than guess who it is', async () => {
    const patientOf = async (set: [string, string] | undefined) => {
      const elements = {
        '0008,0005': set,
        '0010,0010': ['PN', 'Müller^José'],
        '0010,0020': ['LO', 'A-17'],
      } as const;
      const image = { bytes: sourceSlice(0, { elements }), file: 's0.dcm' };
      const read = DicomDataSet.parse(await report({ probabilities: [[0.1, 0.2]] }, [image]), {});
      return [read.text('x00100010'), read.text('x00100020')];
    };
    expect(await patientOf(['CS', 'ISO_IR 192'])).toEqual(['Müller^José', 'A-17']);
    expect(await patientOf(undefined)).toEqual([undefined, 'A-17']);
    expect(await patientOf(['CS', 'ISO_IR 6'])).toEqual([undefined, 'A-17']);
  });

  it('leaves empty what is no date, time or sex, and brings old forms into the present one', async () => {
    const elements = {
      '0008,0020': ['DA', '2024.05.16'],
      '0008,0030': ['TM', '23:59:59'],
      '0010,0030': ['DA', 'unknown'],
      '0010,0040': ['CS', 'MALE'],
      '0012,0062': ['CS', 'YES'],
    } as const;
    const bytes = await report({ probabilities: [[0.1, 0.2]] }, [
      { bytes: sourceSlice(0, { elements }), file: 's0.dcm' },
    ]);
    const read = DicomDataSet.parse(bytes, {});
    const tags = ['x00080020', 'x00080030', 'x00100030', 'x00100040', 'x00120063'];
    expect(tags.map((tag) => read.text(tag))).toEqual([
      ...['20240516', '235959', undefined, undefined],
      'not stated in the source images',
    ]);
  });

  it('refuses rows, thresholds and models that do not fit', async () => {
    await expect(report({ thresholds: undefined })).rejects.toThrow('thresholds: expected a list of numbers');
    await expect(report({ thresholds: [0.5] })).rejects.toThrow(
      'thresholds: expected one for each of ich, sdh',
    );
    await expect(report({ probabilities: [[0.5, 0.5], [0, 0]] })).rejects.toThrow('expected a row for each of 3 images'); // prettier-ignore
    await expect(report({ probabilities: [[0.5, 1.5]] })).rejects.toThrow('rows of numbers in [0, 1]');
    await expect(report({ model: { name: 'a' } })).rejects.toThrow('model.version: expected a text');
    await expect(report({ labels: ['ich', 'ich'] })).rejects.toThrow('at least one name, each once');
    await expect(report({}, [])).rejects.toThrow('images: expected one or more images');
    await expect(report({ codes: { edh: {} } })).rejects.toThrow('codes: expected an object of');
  });

  it.skipIf(!hasDsrdump)('is printed by dcmtk without a complaint', async () => {
    const printed = dsrdump(await report());
    expect(printed).toMatch(/^Comprehensive SR Document\n/);
    expect(printed).toContain('<contains NUM:(111012,DCM,"Certainty of Finding")="70" (%,UCUM,"Percent")>');
    expect(printed).toMatch(/exit 0$/);
    // which is about checking text, and not about this report
    const complaints = printed.match(/^[EFW]: .*$/gm) ?? [];
    expect(complaints.filter((line) => !line.includes('VR checker does not support'))).toEqual([]);
  });

  it.skipIf(!hasDciodvfy)('has no error that dicom3tools knows of', async () => {
    expect(dciodvfyErrors(await report())).toEqual([]);
    expect(dciodvfyErrors(await report({ probabilities: [[0.3, 0.4]] }))).toEqual([]);
  });

  it.skipIf(!pythonWithPydicom)('is read by pydicom, with all digits of a probability', async () => {
    const bytes = await report({ probabilities: [[1 / 3, 0.1]] });
    const program = `
measurements = next(item for item in dataset.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue == '126010')
group = next(item for item in measurements.ContentSequence if item.ValueType == 'CONTAINER')
value = next(item for item in group.ContentSequence if item.ValueType == 'NUM').MeasuredValueSequence[0]
print(dataset.PatientName, dataset.ContentTemplateSequence[0].TemplateIdentifier, value.FloatingPointValue)`;
    expect(pydicom(bytes, program)).toBe(`Buc^Jérôme 1500 ${100 * (1 / 3)}\nexit 0`);
  });

  const head = realData('ge-head-dicom');
  it.skipIf(!head || !hasDciodvfy)('is of a real head without an error', async () => {
    const files = readdirSync(head!).filter((file) => file.endsWith('.dcm'));
    const images = files.map((file) => ({ bytes: readFileSync(path.join(head!, file)), file }));
    const probabilities = images.map((_, i) => CT_LABELS.map((__, k) => ((7 * i + 3 * k) % 20) / 20));
    const bytes = await report({ labels: CT_LABELS, probabilities, thresholds: CT_LABELS.map(() => 0.9) }, images); // prettier-ignore
    expect(dciodvfyErrors(bytes)).toEqual([]);
    expect(findingsOf(bytes).length).toBeGreaterThan(5);
  });
});
