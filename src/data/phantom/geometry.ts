/** An axis-aligned ellipsoid, in mm. With `mirrored` it is a pair, one on each side of x = 0. */
export interface Ellipsoid {
  kind: 'ellipsoid';
  cx: number;
  cy: number;
  cz: number;
  rx: number;
  ry: number;
  rz: number;
  mirrored: boolean;
}

/** A round cone in mm: a capsule from a to a + d whose radius increases by `grow`. */
export interface Cone {
  kind: 'cone';
  ax: number;
  ay: number;
  az: number;
  dx: number;
  dy: number;
  dz: number;
  /** 1 / |d|². */
  inverse: number;
  r: number;
  grow: number;
  mirrored: boolean;
}

export type Shape3 = Ellipsoid | Cone;
export type Point = readonly [number, number, number];

export function ellipsoid(center: Point, radii: Point, mirrored = false): Ellipsoid {
  const [cx, cy, cz] = center;
  const [rx, ry, rz] = radii;
  return { kind: 'ellipsoid', cx, cy, cz, rx, ry, rz, mirrored };
}

export function cone(from: Point, to: Point, r0: number, r1: number, mirrored = false): Cone {
  const [ax, ay, az] = from;
  const [dx, dy, dz] = [to[0] - ax, to[1] - ay, to[2] - az];
  const inverse = 1 / (dx * dx + dy * dy + dz * dz);
  return { kind: 'cone', ax, ay, az, dx, dy, dz, inverse, r: r0, grow: r1 - r0, mirrored };
}

/** Lowest and highest z of a shape. */
export function zRange(shape: Shape3): [number, number] {
  if (shape.kind === 'ellipsoid') return [shape.cz - shape.rz, shape.cz + shape.rz];
  const r = Math.max(shape.r, shape.r + shape.grow);
  return [Math.min(shape.az, shape.az + shape.dz) - r, Math.max(shape.az, shape.az + shape.dz) + r];
}

/**
 * Signed distance in mm to a shape, negative inside: to first order for an ellipsoid, and `far` if it certainly exceeds
 * that.
 */
export function distance(shape: Shape3, x: number, y: number, z: number, far: number): number {
  const px = shape.mirrored && x < 0 ? -x : x;
  if (shape.kind === 'ellipsoid') {
    const u = px - shape.cx;
    const v = y - shape.cy;
    const w = z - shape.cz;
    const { rx, ry, rz } = shape;
    if (Math.abs(v) > ry + far || Math.abs(u) > rx + far || Math.abs(w) > rz + far) return far;
    return ellipsoidDistance(u, v, w, rx, ry, rz);
  }
  const u = px - shape.ax;
  const v = y - shape.ay;
  const w = z - shape.az;
  const t = clamp01((u * shape.dx + v * shape.dy + w * shape.dz) * shape.inverse);
  const ex = u - t * shape.dx;
  const ey = v - t * shape.dy;
  const ez = w - t * shape.dz;
  return Math.sqrt(ex * ex + ey * ey + ez * ez) - shape.r - shape.grow * t;
}

/** Signed distance to the ellipsoid of these radii about the origin: k(k - 1)/|grad k|, k the scaled radius. */
export function ellipsoidDistance(
  x: number,
  y: number,
  z: number,
  rx: number,
  ry: number,
  rz: number,
): number {
  const u = x / rx;
  const v = y / ry;
  const w = z / rz;
  const k2 = u * u + v * v + w * w;
  if (k2 < 1e-4) return -Math.min(rx, ry, rz);
  const k = Math.sqrt(k2);
  const a = u / rx;
  const b = v / ry;
  const c = w / rz;
  return (k * (k - 1)) / Math.sqrt(a * a + b * b + c * c);
}

/** Share of a pixel of `width` mm that lies inside a surface at signed distance `d`. */
export function cover(d: number, width: number): number {
  return clamp01(0.5 - d / width);
}

/** Minimum of two distances, smoothed over `k` mm. */
export function smoothMin(a: number, b: number, k: number): number {
  const h = Math.max(k - Math.abs(a - b), 0) / k;
  return Math.min(a, b) - h * h * k * 0.25;
}

export const clamp01 = (t: number): number => (t < 0 ? 0 : t > 1 ? 1 : t);
export const mix = (a: number, b: number, t: number): number => a + (b - a) * t;

/** 0 at `from`, 1 at `to`, smooth between. */
export function smoothStep(from: number, to: number, t: number): number {
  const u = clamp01((t - from) / (to - from));
  return u * u * (3 - 2 * u);
}
