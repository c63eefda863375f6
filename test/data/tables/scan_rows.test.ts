import { describe, expect, it } from 'vitest';
import { scanKey } from '../../../src/data/tables/scan_rows';

describe('scanKey', () => {
  it.each([
    ['CQ500-CT-0', 'CQ500CT0'],
    ['CQ500CT0 CQ500CT0', 'CQ500CT0'],
    ['CQ500CT490 CQ500CT490', 'CQ500CT490'],
    ['CQ500CT12', 'CQ500CT12'],
    ['CQ500CT1 CQ500CT2', 'CQ500CT1 CQ500CT2'],
    ['ID_049', 'ID_049'],
  ])('of %s is %s', (name, key) => expect(scanKey(name)).toBe(key));
});
