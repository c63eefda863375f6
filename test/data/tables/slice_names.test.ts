import { describe, expect, it } from 'vitest';
import { sliceOrder, sliceStem } from '../../../src/data/tables/slice_names';
import { DataError } from '../../../src/base/errors';

describe('sliceOrder and sliceStem', () => {
  it.each([
    ['049_0.jpg', 0, '049_0'],
    ['049_10.jpeg', 10, '049_10'],
    ['ID_a_007.PNG', 7, 'ID_a_007'],
    ['049_12', 12, '049_12'],
    ['case.2_3', 3, 'case.2_3'],
  ])('%s is number %i', (name, order, stem) => {
    expect(sliceOrder(name)).toBe(order);
    expect(sliceStem(name)).toBe(stem);
  });

  it.each(['049.jpg', '_.jpg', 'a_b.jpg', 'a_-1.jpg', 'a_1.5', 'a_12345678901234567.jpg', ''])(
    'refuses %j',
    (name) => {
      expect(() => sliceOrder(name)).toThrow(DataError);
    },
  );
});
