import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { check, checkKnownKeys, checkOneOf, isPositiveInteger } from '../../src/base/checks';
import { ArgumentError } from '../../src/base/errors';

describe('check', () => {
  it('names the argument, the rule and the value received', () => {
    expect(() => check(true, 'f: x', 'a number', 'one')).not.toThrow();
    expect(() => check(false, 'f: x', 'a number', 'one')).toThrow(
      new ArgumentError('f: x: expected a number, received "one"'),
    );
  });

  it('refuses keys that nobody knows', () => {
    expect(() => checkKnownKeys({ a: 1 }, ['a', 'b'], 'f')).not.toThrow();
    expect(() => checkKnownKeys({ a: 1, B: 2 }, ['a', 'b'], 'f')).toThrow(
      new ArgumentError("f: unknown option 'B'; did you mean 'b'? known: a, b"),
    );
    expect(() => checkKnownKeys({ zzz: 1 }, ['a', 'b'], 'f')).toThrow(
      new ArgumentError("f: unknown option 'zzz'; known: a, b"),
    );
    expect(() => checkKnownKeys(null as never, ['a'], 'f')).toThrow('f: options: expected an object');
  });

  it.each([
    ['gammaNegative', 'gammaNeg'],
    ['gamma_pos', 'gammaPos'],
    ['gammapos', 'gammaPos'],
    ['clp', 'clip'],
    ['redcution', 'reduction'],
    ['beta', undefined],
    ['', undefined],
    ['x'.repeat(1e6), undefined],
  ])('suggests the nearest name for %.20s', (key, meant) => {
    const known = ['gammaNeg', 'gammaPos', 'clip', 'reduction'];
    const hint = meant === undefined ? '; known: ' : `; did you mean '${meant}'? known: `;
    expect(() => checkKnownKeys({ [key]: 1 }, known, 'f')).toThrow(`${hint}${known.join(', ')}`);
  });

  it('refuses values that are none of the names', () => {
    const names = ['vgg16', 'resnet18', 'squeezenet1_1'] as const;
    expect(() => checkOneOf('vgg16', names, 'f: x')).not.toThrow();
    expect(() => checkOneOf('vgg-16', names, 'f: x')).toThrow(
      new ArgumentError(
        `f: x: expected one of 'vgg16', 'resnet18', 'squeezenet1_1', received "vgg-16"; did you mean 'vgg16'?`,
      ),
    );
    expect(() => checkOneOf('vgg16', ['add', 'concat'], 'f: x')).toThrow(
      new ArgumentError(`f: x: expected 'add' or 'concat', received "vgg16"`),
    );
    expect(() => checkOneOf(16, names, 'f: x')).toThrow(/received 16$/);
    expect(() => checkOneOf(undefined, names, 'f: x')).toThrow(/received undefined$/);
  });

  it('suggests a known name for any slip of one letter in a name of three or more', () => {
    const name = fc.stringMatching(/^[a-z]{3,12}$/);
    fc.assert(
      fc.property(name, fc.nat(), fc.constantFrom('', 'Q'), (known, place, letters) => {
        const at = place % known.length;
        const slip = known.slice(0, at) + letters + known.slice(at + 1);
        expect(() => checkKnownKeys({ [slip]: 1 }, [known], 'f')).toThrow(`did you mean '${known}'?`);
      }),
    );
  });

  it('isPositiveInteger takes 1, 2, … and nothing else', () => {
    expect([1, 2, 1e9].map(isPositiveInteger)).toEqual([true, true, true]);
    for (const value of [0, -1, 1.5, NaN, Infinity, '1', null, undefined, [1]]) {
      expect(isPositiveInteger(value)).toBe(false);
    }
  });
});
