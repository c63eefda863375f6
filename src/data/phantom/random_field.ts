import { seededRandom, type Random } from '../../base/random';

/** A number drawn evenly from [low, high). */
export const uniform = (random: Random, low: number, high: number): number => low + (high - low) * random();

/** -1 or 1. */
export const side = (random: Random): -1 | 1 => (random() < 0.5 ? -1 : 1);

/** A standard normal number (Box-Muller). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

const CELLS = 48;
const STEP = 4; // mm between lattice points
const PERIOD = CELLS * STEP;
const LAST = CELLS - 1;

/**
 * A smooth random function of space with mean 0 and variance 1, periodic over 192 mm: a sum of plane waves of similar
 * wavelengths in random directions, whose zero set winds like a labyrinth. Stored on a lattice of 4 mm.
 */
export class RandomField {
  private readonly values = new Float32Array(CELLS ** 3);

  /** Mean |gradient| on the zero set, per mm: `|field| / slope` is about the distance to the nearest zero. */
  readonly slope: number;

  /**
   * @param random - Source of directions and phases.
   * @param wavelengths - Shortest and longest wavelength, in mm.
   * @param waves - Number of waves.
   */
  constructor(random: Random, wavelengths: readonly [number, number], waves = 14) {
    let squares = 0;
    for (let wave = 0; wave < waves; wave++) {
      const length = uniform(random, ...wavelengths);
      const cosine = uniform(random, -1, 1);
      const azimuth = uniform(random, 0, 2 * Math.PI);
      const sine = Math.sqrt(1 - cosine * cosine);
      // integer numbers of waves per period make the lattice periodic
      const [kx, ky, kz] = [sine * Math.cos(azimuth), sine * Math.sin(azimuth), cosine].map((part) =>
        Math.round((part * PERIOD) / length),
      ) as [number, number, number];
      squares += kx * kx + ky * ky + kz * kz;
      this.addWave(kx, ky, kz, uniform(random, 0, 2 * Math.PI), Math.sqrt(2 / waves));
    }
    const rms = (2 * Math.PI * Math.sqrt(squares / waves)) / PERIOD;
    this.slope = 0.92 * rms; // mean length of a Gaussian vector in 3-D, over its root mean square
  }

  /** The field at a point in mm, trilinear between lattice points. */
  at(x: number, y: number, z: number): number {
    const u = x / STEP + 1000 * CELLS;
    const v = y / STEP + 1000 * CELLS;
    const w = z / STEP + 1000 * CELLS;
    const i = Math.floor(u);
    const j = Math.floor(v);
    const k = Math.floor(w);
    const fu = u - i;
    const fv = v - j;
    const fw = w - k;
    const i0 = i % CELLS;
    const j0 = (j % CELLS) * CELLS;
    const k0 = (k % CELLS) * CELLS * CELLS;
    const i1 = i0 === LAST ? 0 : i0 + 1;
    const j1 = j0 === LAST * CELLS ? 0 : j0 + CELLS;
    const k1 = k0 === LAST * CELLS * CELLS ? 0 : k0 + CELLS * CELLS;
    const f = this.values;
    const low =
      (f[i0 + j0 + k0]! * (1 - fu) + f[i1 + j0 + k0]! * fu) * (1 - fv) +
      (f[i0 + j1 + k0]! * (1 - fu) + f[i1 + j1 + k0]! * fu) * fv;
    const high =
      (f[i0 + j0 + k1]! * (1 - fu) + f[i1 + j0 + k1]! * fu) * (1 - fv) +
      (f[i0 + j1 + k1]! * (1 - fu) + f[i1 + j1 + k1]! * fu) * fv;
    return low * (1 - fw) + high * fw;
  }

  /** Adds `amplitude * cos(2 pi (kx i + ky j + kz k) / CELLS + phase)`, read from one table of cosines. */
  private addWave(kx: number, ky: number, kz: number, phase: number, amplitude: number): void {
    const table = new Float32Array(CELLS);
    for (let i = 0; i < CELLS; i++) table[i] = amplitude * Math.cos((2 * Math.PI * i) / CELLS + phase);
    const step = ((kx % CELLS) + CELLS) % CELLS;
    let at = 0;
    for (let k = 0; k < CELLS; k++) {
      for (let j = 0; j < CELLS; j++) {
        let turn = (((ky * j + kz * k) % CELLS) + CELLS) % CELLS;
        for (let i = 0; i < CELLS; i++) {
          this.values[at++]! += table[turn]!;
          turn += step;
          if (turn >= CELLS) turn -= CELLS;
        }
      }
    }
  }
}

/**
 * Adds noise of standard deviation `sd` to an image, correlated between neighbours as by a soft reconstruction kernel.
 */
export function addScannerNoise(image: Float32Array, size: number, sd: number, seed: number): void {
  const random = seededRandom(seed);
  const width = size + 2;
  const white = new Float32Array(width * width);
  for (let i = 0; i < white.length; i += 2) {
    const r = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    white[i] = r * Math.cos(angle);
    if (i + 1 < white.length) white[i + 1] = r * Math.sin(angle);
  }
  const gain = sd / 1.5; // the kernel below has root sum of squares 1.5
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const c = (row + 1) * width + column + 1;
      const beside = white[c - 1]! + white[c + 1]! + white[c - width]! + white[c + width]!;
      const corners =
        white[c - width - 1]! + white[c - width + 1]! + white[c + width - 1]! + white[c + width + 1]!;
      image[row * size + column]! += gain * (white[c]! + 0.5 * beside + 0.25 * corners);
    }
  }
}
