import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CT_LABELS, type CtLabel } from '../../../src/data/labels/labels';
import {
  makePhantomPatient,
  makePhantomStudy,
  PHANTOM_MIN_AREA,
  PHANTOM_TISSUES,
  type PhantomPatient,
} from '../../../src/data/phantom/phantom';
import { ArgumentError } from '../../../src/base/errors';

const NONE = { ich: 0, ivh: 0, sah: 0, sdh: 0, edh: 0 };
const only = (label: CtLabel) => ({ ...NONE, [label]: 1 });
const BIT = Object.fromEntries(CT_LABELS.map((label, k) => [label, 1 << k])) as Record<CtLabel, number>;
const tissueIndex = (name: (typeof PHANTOM_TISSUES)[number]) => PHANTOM_TISSUES.indexOf(name);

/** Pixels of a mask, and for each the tissue there. */
function pixelsOf({ masks }: PhantomPatient, label: CtLabel): number[] {
  const found: number[] = [];
  masks.forEach((bits, at) => {
    if (bits & BIT[label]) found.push(at);
  });
  return found;
}

/** Whether a pixel of one of these tissues lies within `reach` pixels in its slice. */
function isNear({ tissue, size }: PhantomPatient, at: number, names: string[], reach: number): boolean {
  const area = size * size;
  const slice = Math.floor(at / area);
  const row = Math.floor((at % area) / size);
  const column = at % size;
  for (let r = Math.max(row - reach, 0); r <= Math.min(row + reach, size - 1); r++) {
    for (let c = Math.max(column - reach, 0); c <= Math.min(column + reach, size - 1); c++) {
      if ((r - row) ** 2 + (c - column) ** 2 > reach * reach) continue;
      if (names.includes(PHANTOM_TISSUES[tissue[slice * area + r * size + c]!]!)) return true;
    }
  }
  return false;
}

function share(values: number[], holds: (value: number) => boolean): number {
  return values.filter(holds).length / values.length;
}

const bled = new Map<CtLabel, PhantomPatient[]>();

/** Three patients who bleed in one way, obvious ones. */
function bleeding(label: CtLabel): PhantomPatient[] {
  let patients = bled.get(label);
  if (patients === undefined) {
    const options = { slices: 24, size: 96, difficulty: 0, prevalence: only(label) };
    patients = [11, 12, 13].map((seed) => makePhantomPatient({ seed, ...options }));
    bled.set(label, patients);
  }
  return patients;
}

const sameBytes = (a: Float32Array | Uint8Array, b: Float32Array | Uint8Array) =>
  Buffer.from(a.buffer).equals(Buffer.from(b.buffer));

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function correlation(a: Float32Array, b: Float32Array): number {
  const [ma, mb] = [mean([...a]), mean([...b])];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, i) => {
    ab += (value - ma) * (b[i]! - mb);
    aa += (value - ma) ** 2;
    bb += (b[i]! - mb) ** 2;
  });
  return ab / Math.sqrt(aa * bb);
}

describe('makePhantomPatient', () => {
  it('gives equal bytes for equal seeds and other bytes for others', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const options = { slices: 8, size: 32 };
        const a = makePhantomPatient({ seed, ...options });
        const b = makePhantomPatient({ seed, ...options });
        const c = makePhantomPatient({ seed: seed ^ 1, ...options });
        expect(b.labels).toEqual(a.labels);
        for (const key of ['hu', 'masks', 'tissue'] as const) expect(sameBytes(a[key], b[key])).toBe(true);
        expect(sameBytes(a.hu, c.hu)).toBe(false);
      }),
      { numRuns: 8 },
    );
  });

  it('has the sizes it says, with finite CT numbers of the scale', () => {
    for (const [slices, size] of [
      [8, 33],
      [40, 32],
    ] as const) {
      const { hu, labels, masks, tissue, ...rest } = makePhantomPatient({ seed: 2, slices, size });
      expect(rest).toEqual({ slices, size });
      expect([hu.length, masks.length, tissue.length]).toEqual(Array(3).fill(slices * size * size));
      expect(labels.map((row) => row.length)).toEqual(Array(slices).fill(5));
      expect(hu.every((value) => value >= -1024 && value <= 3071)).toBe(true);
      expect(tissue.every((value) => value < PHANTOM_TISSUES.length)).toBe(true);
    }
  });

  it('labels a slice exactly where its mask covers the stated area', () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (seed, difficulty) => {
        const size = 48;
        const prevalence = { ich: 0.8, ivh: 0.8, sah: 0.8, sdh: 0.8, edh: 0.8 };
        const patient = makePhantomPatient({ seed, slices: 10, size, difficulty, prevalence });
        const pixelArea = (240 / size) ** 2;
        patient.labels.forEach((row, slice) => {
          const masks = patient.masks.subarray(slice * size * size, (slice + 1) * size * size);
          CT_LABELS.forEach((label, k) => {
            const area = masks.reduce((n, bits) => n + (bits & BIT[label] ? 1 : 0), 0) * pixelArea;
            expect(row[k]).toBe(area >= PHANTOM_MIN_AREA ? 1 : 0);
          });
        });
      }),
      { numRuns: 12 },
    );
  });

  it('keeps the head and changes only pixels of lesions and what swells around them', () => {
    const options = { seed: 31, slices: 16, size: 64 };
    const healthy = makePhantomPatient({ ...options, prevalence: NONE });
    expect(healthy.labels.flat().every((value) => value === 0)).toBe(true);
    expect(healthy.masks.every((bits) => bits === 0)).toBe(true);
    const sick = makePhantomPatient({ ...options, prevalence: only('sah') });
    expect(pixelsOf(sick, 'sah').length).toBeGreaterThan(20);
    const changed = [...sick.hu.keys()].filter((at) => Math.abs(sick.hu[at]! - healthy.hu[at]!) > 1e-3);
    expect(changed.length).toBeGreaterThan(0);
    expect(changed.length).toBeLessThan(0.1 * sick.hu.length);
    expect(sick.tissue).toEqual(healthy.tissue);
  });

  it('has the CT numbers of its tissues', () => {
    const patients = [1, 2, 3].map((seed) => makePhantomPatient({ seed, size: 80, prevalence: NONE }));
    const typical = (name: (typeof PHANTOM_TISSUES)[number]) => {
      // at the inner table every pixel shares its volume with bone
      const apart = (patient: PhantomPatient, at: number) =>
        !['csf', 'gray'].includes(name) || !isNear(patient, at, ['bone'], 2);
      const values = patients.flatMap((patient) =>
        [...patient.tissue.keys()]
          .filter((at) => patient.tissue[at] === tissueIndex(name) && apart(patient, at))
          .map((at) => patient.hu[at]!),
      );
      expect(values.length, name).toBeGreaterThan(50);
      return values.sort((a, b) => a - b)[values.length >> 1]!;
    };
    const within = (name: (typeof PHANTOM_TISSUES)[number], low: number, high: number) => {
      expect(typical(name), name).toBeGreaterThan(low);
      expect(typical(name), name).toBeLessThan(high);
    };
    within('air', -1010, -980);
    within('soft', -100, 60);
    within('bone', 600, 1200);
    within('csf', 0, 22);
    within('ventricle', 0, 16);
    within('white', 22, 33);
    within('gray', 33, 44);
  });

  it('shows acute blood brighter than brain', () => {
    for (const label of CT_LABELS) {
      for (const [difficulty, low] of [
        [0, 52],
        [1, 37],
      ] as const) {
        const values = [21, 22].flatMap((seed) => {
          const patient = makePhantomPatient({ seed, size: 80, difficulty, prevalence: only(label) });
          return pixelsOf(patient, label)
            .filter((at) => !isNear(patient, at, ['bone'], 1))
            .map((at) => patient.hu[at]!);
        });
        expect(mean(values), `${label} at ${difficulty}`).toBeGreaterThan(low);
        expect(mean(values), `${label} at ${difficulty}`).toBeLessThan(90);
      }
    }
  });

  describe('places hemorrhages where they occur', () => {
    it('ich in the parenchyma', () => {
      for (const patient of bleeding('ich')) {
        const pixels = pixelsOf(patient, 'ich');
        expect(pixels.length).toBeGreaterThan(20);
        const inBrain = (at: number) => ['white', 'gray'].includes(PHANTOM_TISSUES[patient.tissue[at]!]!);
        expect(share(pixels, inBrain)).toBeGreaterThan(0.9);
      }
    });

    it('ivh in the ventricles', () => {
      for (const patient of bleeding('ivh')) {
        const pixels = pixelsOf(patient, 'ivh');
        expect(pixels.length).toBeGreaterThan(10);
        expect(share(pixels, (at) => isNear(patient, at, ['ventricle'], 2))).toBeGreaterThan(0.9);
        expect(share(pixels, (at) => patient.tissue[at] === tissueIndex('ventricle'))).toBeGreaterThan(0.5);
      }
    });

    it('sah around sulci and cisterns', () => {
      for (const patient of bleeding('sah')) {
        const pixels = pixelsOf(patient, 'sah');
        const brain = [...patient.tissue.keys()].filter((at) =>
          ['white', 'gray'].includes(PHANTOM_TISSUES[patient.tissue[at]!]!),
        );
        expect(pixels.length).toBeGreaterThan(20);
        const wet = (at: number) => isNear(patient, at, ['csf', 'dura'], 2);
        expect(share(pixels, wet)).toBeGreaterThan(1.5 * share(brain, wet));
        expect(share(pixels, (at) => patient.tissue[at] === tissueIndex('ventricle'))).toBeLessThan(0.05);
      }
    });

    it('sdh along the inner table or the falx, edh against the inner table', () => {
      for (const label of ['sdh', 'edh'] as const) {
        for (const patient of bleeding(label)) {
          const pixels = pixelsOf(patient, label);
          expect(pixels.length).toBeGreaterThan(100);
          const borders = label === 'sdh' ? ['bone', 'dura'] : ['bone'];
          const reach = label === 'sdh' ? 7 : 10; // in pixels of 2.5 mm: thickest slice of the lesion
          expect(share(pixels, (at) => isNear(patient, at, borders, reach))).toBeGreaterThan(0.97);
          expect(share(pixels, (at) => isNear(patient, at, borders, 1))).toBeGreaterThan(0.1);
          expect(share(pixels, (at) => patient.tissue[at] === tissueIndex('bone'))).toBeLessThan(0.12);
        }
      }
    });

    it('sdh long and thin, edh short and thick', () => {
      const flatness = (label: CtLabel) =>
        mean(
          bleeding(label).map((patient) => {
            const pixels = pixelsOf(patient, label);
            return share(pixels, (at) => isNear(patient, at, ['bone', 'dura'], 2));
          }),
        );
      expect(flatness('sdh')).toBeGreaterThan(flatness('edh'));
    });
  });

  it('is alike in neighbouring slices, and lesions run through neighbours', () => {
    const patient = makePhantomPatient({ seed: 8, slices: 32, size: 64, prevalence: only('sdh') });
    const area = 64 * 64;
    const slice = (k: number) => patient.hu.subarray(k * area, (k + 1) * area);
    const near = mean(Array.from({ length: 30 }, (_, k) => correlation(slice(k), slice(k + 1))));
    const far = mean(Array.from({ length: 20 }, (_, k) => correlation(slice(k), slice(k + 11))));
    expect(near).toBeGreaterThan(0.9);
    expect(near).toBeGreaterThan(far);
    const text = patient.labels.map((row) => row[3]).join('');
    expect(text).toMatch(/^0*1{4,}0*$/);
  });

  it('makes lesions fainter with difficulty', () => {
    const blood = (difficulty: number) => {
      const patient = makePhantomPatient({ seed: 5, size: 64, difficulty, prevalence: only('edh') });
      return pixelsOf(patient, 'edh').length;
    };
    expect(blood(0)).toBeGreaterThan(blood(0.5));
    expect(blood(0.5)).toBeGreaterThan(blood(1));
  });

  it.each([
    [{ seed: 1.5 }, /makePhantomPatient: seed.*integer.*1\.5/],
    [{}, /makePhantomPatient: seed/],
    [{ seed: 1, slices: 7 }, /makePhantomPatient: slices.*8\.\.40.*7/],
    [{ seed: 1, slices: 41 }, /slices/],
    [{ seed: 1, size: 31 }, /size/],
    [{ seed: 1, difficulty: 1.1 }, /difficulty/],
    [{ seed: 1, difficulty: NaN }, /difficulty/],
    [{ seed: 1, prevalence: { ich: 2 } }, /prevalence: ich/],
    [{ seed: 1, prevalence: { xyz: 0.1 } }, /prevalence: unknown option 'xyz'; known: ich, ivh/],
    [{ seed: 1, prevalence: null }, /prevalence/],
    [{ seed: 1, slice: 12 }, /unknown option 'slice'; did you mean 'slices'/],
    [null, /options/],
  ])('refuses %j', (options, message) => {
    const call = () => makePhantomPatient(options as never);
    expect(call).toThrow(ArgumentError);
    expect(call).toThrow(message);
  });
});

describe('makePhantomStudy', () => {
  const small = { seed: 4, slices: 8, size: 32 };

  it('makes patient i from the seed and i alone', () => {
    const few = makePhantomStudy({ patients: 3, ...small });
    const many = makePhantomStudy({ patients: 500, ...small });
    expect(many.patient(2)).toEqual(few.patient(2));
    expect([...few]).toEqual([few.patient(0), few.patient(1), few.patient(2)]);
    expect([...few].map(({ id }) => id)).toEqual(['ID_001', 'ID_002', 'ID_003']);
    expect(few.patient(0).hu).not.toEqual(few.patient(1).hu);
    expect(makePhantomStudy({ patients: 3, ...small, seed: 5 }).patient(0).hu).not.toEqual(few.patient(0).hu);
  });

  it(
    'holds its prevalences over 200 patients, and kinds come together as in trauma',
    { timeout: 120_000 },
    () => {
      const sliceCounts = CT_LABELS.map(() => 0);
      const patients: boolean[][] = [];
      for (const { labels } of makePhantomStudy({ patients: 200, seed: 3, slices: 10, size: 48 })) {
        for (const row of labels) row.forEach((value, k) => (sliceCounts[k]! += value));
        patients.push(CT_LABELS.map((_, k) => labels.some((row) => row[k] === 1)));
      }
      const shares = sliceCounts.map((count) => count / (200 * 10));
      const expected = [0.1, 0.06, 0.08, 0.1, 0.06];
      shares.forEach((value, k) => {
        expect(value, CT_LABELS[k]).toBeGreaterThan(0.5 * expected[k]!);
        expect(value, CT_LABELS[k]).toBeLessThan(1.6 * expected[k]!);
      });
      const rate = (rows: boolean[][], k: number) => rows.filter((row) => row[k]).length / rows.length;
      const any = patients.filter((row) => row.includes(true)).length / 200;
      expect(any).toBeGreaterThan(0.38);
      expect(any).toBeLessThan(0.62);
      const given = (b: number) => patients.filter((row) => row[b]);
      expect(rate(given(0), 1)).toBeGreaterThan(1.3 * rate(patients, 1)); // ivh with ich
      expect(rate(given(3), 2)).toBeGreaterThan(1.3 * rate(patients, 2)); // sah with sdh
    },
  );

  it('keeps every prevalence asked for, whatever the others are', () => {
    for (const prevalence of [NONE, { ich: 1, ivh: 1, sah: 1, sdh: 1, edh: 1 }]) {
      for (const { labels } of makePhantomStudy({
        patients: 4,
        ...small,
        size: 64,
        slices: 12,
        prevalence,
      })) {
        const has = CT_LABELS.map((_, k) => labels.some((row) => row[k] === 1));
        expect(has).toEqual(CT_LABELS.map((label) => prevalence[label] === 1));
      }
    }
  });

  it.each([
    [{ patients: 0, seed: 1 }, /makePhantomStudy: patients/],
    [{ patients: 2.5, seed: 1 }, /patients.*2\.5/],
    [{ patients: 2, seed: 1, size: 0 }, /makePhantomStudy: size/],
    [{ patients: 2, seed: 1, colour: 'red' }, /unknown option 'colour'/],
    [undefined, /options/],
  ])('refuses %j', (options, message) => {
    expect(() => makePhantomStudy(options as never)).toThrow(message);
  });

  it.each([-1, 2, 0.5, '0'])('has no patient %j of 2', (index) => {
    const study = makePhantomStudy({ patients: 2, seed: 1 });
    expect(() => study.patient(index as number)).toThrow(/patient: index.*0 to 1/);
  });
});
