import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { progressLine } from '../../src/cli/terminal';

describe('progressLine', () => {
  const { stderr } = process;
  const { isTTY } = stderr;
  let text = '';

  beforeEach(() => {
    vi.useFakeTimers();
    text = '';
    vi.spyOn(stderr, 'write').mockImplementation((part) => {
      text += String(part);
      return true;
    });
  });
  afterEach(() => {
    stderr.isTTY = isTTY;
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  it('says how far it has come and, once that is known, how long it will take', () => {
    stderr.isTTY = true;
    const line = progressLine('patients');
    const shown = (done: number, seconds: number) => {
      vi.advanceTimersByTime(1000 * seconds);
      text = '';
      line.show(done, 62);
      return text.slice(text.indexOf('patients'));
    };
    expect(shown(1, 5)).toBe('patients: 1 of 62');
    expect(shown(2, 2)).toBe('patients: 2 of 62, 2m00s left');
    expect(shown(12, 20)).toBe('patients: 12 of 62, 1m40s left');
    // a second walk, which may be faster
    expect(shown(1, 5)).toBe('patients: 1 of 62');
    expect(shown(31, 3)).toBe('patients: 31 of 62, 3s left');
  });

  it('says nothing without a terminal', () => {
    stderr.isTTY = false;
    const line = progressLine('patients');
    line.show(1, 2);
    line.end();
    expect(text).toBe('');
  });
});
