import { Writable } from 'node:stream';
import { beforeEach, afterEach, describe, expect, it, vi } from 'vitest';
import { duration } from '../../../src/node/runs/duration';
import { trainingProgressBar } from '../../../src/node/runs/progress';
import type { EpochLog, TrainingProgress } from '../../../src/training/stages/stage_log';

/** A stream that keeps what is written to it. */
class FakeStream extends Writable {
  text = '';
  constructor(readonly isTTY?: true) {
    super();
  }
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
  /** Without colours and cursor movements. */
  get lines(): string[] {
    // eslint-disable-next-line no-control-regex
    return this.text.replace(/\x1b(\[[?\d;]*[A-Za-z]|[78])/g, '').split(/\r?\n/);
  }
  get stream(): NodeJS.WriteStream {
    return this as unknown as NodeJS.WriteStream;
  }
}

const log: EpochLog = {
  stage: 'patients',
  epoch: 3,
  loss: 0.12345,
  f2: 0.5,
  validationLoss: 0.2,
  validationF2: 0.66666,
  validationThreshold: 0.5,
  validationF2PerLabel: [0.6, 0.7],
  best: true,
  seconds: 12.34,
};
const progress = (step: number): TrainingProgress => ({
  stage: 'patients',
  epoch: 3,
  epochs: 50,
  step,
  steps: 4,
  loss: 0.25,
  f2: 0.125,
});

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('trainingProgressBar without a terminal', () => {
  it('prints a line for each epoch', () => {
    const out = new FakeStream();
    const bar = trainingProgressBar({ stream: out.stream });
    for (const step of [1, 2, 3, 4]) bar.onProgress(progress(step));
    bar.onEpochEnd(log);
    expect(out.lines).toContain(
      'patients epoch 3: loss 0.1235 F2 0.500, validation loss 0.2000 F2 0.667, 12.3 s (best so far)',
    );
    expect(out.text).not.toContain('\x1b');
    expect(vi.getTimerCount()).toBe(0); // nothing keeps the process alive
  });

  it('says neither a loss that is not known nor best where it is not', () => {
    const out = new FakeStream();
    trainingProgressBar({ stream: out.stream }).onEpochEnd({ ...log, validationLoss: null, best: false });
    expect(out.text).toBe('patients epoch 3: loss 0.1235 F2 0.500, validation loss - F2 0.667, 12.3 s\n');
  });

  it('shows where the epoch stands every 15 seconds, not at every step', () => {
    const out = new FakeStream();
    const bar = trainingProgressBar({ stream: out.stream });
    const steps = 45;
    for (let step = 1; step <= steps; step++) {
      bar.onProgress({ ...progress(step), steps });
      vi.advanceTimersByTime(1000);
    }
    const shown = out.lines.filter((line) => line.includes('epoch 3/50'));
    // once at the start, then after 15, 30 and 45 seconds
    expect(shown).toHaveLength(4);
    expect(shown[2]).toMatch(/\b30\/45 .* loss 0\.2500 \| F2 0\.125/);
    bar.stop();
  });

  it('stop() may come at any time, and twice', () => {
    const out = new FakeStream();
    const bar = trainingProgressBar({ stream: out.stream });
    bar.stop();
    expect(out.text).toBe('');
    bar.onProgress(progress(1));
    bar.stop();
    const { text } = out;
    bar.stop();
    vi.advanceTimersByTime(60_000);
    expect(out.text).toBe(text);
    expect(vi.getTimerCount()).toBe(0);
    // and the next epoch gets a bar of its own
    bar.onProgress({ ...progress(1), epoch: 4 });
    bar.stop();
    expect(out.text).toContain('epoch 4/50');
  });
});

describe('trainingProgressBar on a terminal', () => {
  it('draws steps, loss and F2, and takes the bar off again', () => {
    const out = new FakeStream(true);
    const bar = trainingProgressBar({ stream: out.stream });
    bar.onProgress(progress(1));
    vi.advanceTimersByTime(1000);
    bar.onProgress(progress(2));
    vi.advanceTimersByTime(1000);
    expect(out.lines.join('\n')).toMatch(
      /patients epoch 3\/50 .*2\/4 patients, \d+s left \| loss 0\.2500 \| F2 0\.125/,
    );
    bar.onEpochEnd(log);
    expect(out.text).toMatch(/\x1b\[2Kpatients epoch 3: loss 0\.1235 .*\(best so far\)\n$/); // eslint-disable-line no-control-regex
  });

  it('shows the best validation F2, and how long the stage takes, from its second epoch on', () => {
    const out = new FakeStream(true);
    const bar = trainingProgressBar({ stream: out.stream });
    const shown = (given: Partial<TrainingProgress>) => {
      out.text = '';
      bar.onProgress({ ...progress(1), ...given });
      vi.advanceTimersByTime(1000);
      const text = out.lines.join('\n');
      bar.stop();
      return text;
    };
    expect(shown({ epoch: 3 })).not.toContain('validation');
    bar.onEpochEnd(log);
    bar.onEpochEnd({ ...log, epoch: 4, validationF2: 0.5, seconds: 100 });
    // 45 epochs of 50 and three quarters of one, of 100 seconds
    expect(shown({ epoch: 5 })).toContain('F2 0.125 (best validation 0.667) | stage at most 1h16m');
    expect(shown({ stage: 'pretrain', epoch: 5 })).toMatch(/1\/4 batches, [^(]*F2 0\.125$/m);
    expect(shown({ stage: 'mine' })).toContain('1/4 steps');
  });

  it('leaves the cursor on, so that a training that is killed leaves the terminal usable', () => {
    const listeners = process.listenerCount('SIGINT');
    const out = new FakeStream(true);
    const bar = trainingProgressBar({ stream: out.stream });
    bar.onProgress(progress(1));
    expect(out.text).not.toContain('\x1b[?25l');
    expect(process.listenerCount('SIGINT')).toBe(listeners); // Ctrl-C still ends the process
    bar.stop();
  });
});

describe('duration', () => {
  it('says seconds as one does', () => {
    expect([0, 59.4, 59.6, 61, 3599, 3600, 7500, -3].map(duration)).toEqual(['0s', '59s', '1m00s', '1m01s', '59m59s', '1h00m', '2h05m', '0s']);
  });
}); // prettier-ignore
