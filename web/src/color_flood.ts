// Select by click: what hangs together with a place in a photo, and has nearly its color.
import type { Mask, Spot } from "./mask";

/** Colors of a photo in Lab, in which distances are those that people see. */
export interface Colors {
  readonly width: number;
  readonly height: number;
  readonly lab: Float32Array; // lightness, green to red, blue to yellow of each pixel
}

const D65 = [0.95047, 1, 1.08883] as const; // white

export function colorsOf({ width, height, data }: ImageData): Colors {
  const lab = new Float32Array(3 * width * height);
  const linear = Float32Array.from({ length: 256 }, (_, value) =>
    value <= 10 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4,
  );
  const cube = (value: number): number => (value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116);
  for (let at = 0; at < width * height; at += 1) {
    const [r, g, b] = [0, 1, 2].map((channel) => linear[data[4 * at + channel] ?? 0] ?? 0) as [number, number, number];
    const x = cube((0.4124 * r + 0.3576 * g + 0.1805 * b) / D65[0]);
    const y = cube(0.2126 * r + 0.7152 * g + 0.0722 * b);
    const z = cube((0.0193 * r + 0.1192 * g + 0.9505 * b) / D65[2]);
    lab.set([116 * y - 16, 500 * (x - y), 200 * (y - z)], 3 * at);
  }
  return { width, height, lab };
}

/** The mask of all that can be reached from a place through colors within a tolerance, with a smooth edge. */
export function flood(colors: Colors, from: Spot, tolerance: number): Mask {
  const { width, height } = colors;
  const start =
    Math.min(height - 1, Math.max(0, Math.round(from.y))) * width +
    Math.min(width - 1, Math.max(0, Math.round(from.x)));
  const near = nearness(colors, meanAround(colors, start), tolerance);
  const values = new Uint8ClampedArray(width * height);
  const left = [start];
  values[start] = 255;
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    const x = at % width;
    for (const next of [x > 0 ? at - 1 : -1, x < width - 1 ? at + 1 : -1, at - width, at + width]) {
      if (next < 0 || next >= values.length || values[next] || !near(next)) continue;
      values[next] = 255;
      left.push(next);
    }
  }
  return smoothed({ width, height, values });
}

function meanAround({ width, height, lab }: Colors, at: number): [number, number, number] {
  const sum: [number, number, number] = [0, 0, 0];
  let count = 0;
  for (let dy = -2; dy <= 2; dy += 1) {
    for (let dx = -2; dx <= 2; dx += 1) {
      const [x, y] = [(at % width) + dx, Math.floor(at / width) + dy];
      if (x < 0 || y < 0 || x >= width || y >= height) continue;
      for (const channel of [0, 1, 2] as const) sum[channel] += lab[3 * (y * width + x) + channel] ?? 0;
      count += 1;
    }
  }
  return [sum[0] / count, sum[1] / count, sum[2] / count];
}

/** Whether a pixel has nearly a color. Lightness counts less than hue: shadows belong to what they fall on. */
function nearness({ lab }: Colors, [l, a, b]: [number, number, number], tolerance: number): (at: number) => boolean {
  const most = tolerance * tolerance;
  return (at) => {
    const [dl, da, db] = [(lab[3 * at] ?? 0) - l, (lab[3 * at + 1] ?? 0) - a, (lab[3 * at + 2] ?? 0) - b];
    return 0.5 * dl * dl + da * da + db * db <= most;
  };
}

const REACH = 2; // pixels around each that decide whether it belongs: closes pinholes and rounds ragged edges

function smoothed(mask: Mask): Mask {
  const { width, height } = mask;
  const rows = boxed(mask.values, width, height, 1, width);
  const both = boxed(rows, height, width, width, 1);
  return { width, height, values: Uint8ClampedArray.from(both, (value) => (value - 255 * 0.4) * 4) };
}

/** Means over a few pixels along lines: `count` lines `apart`, each of `length` pixels with a step between them. */
function boxed(values: ArrayLike<number>, length: number, count: number, step: number, apart: number): Float32Array {
  const means = new Float32Array(values.length);
  for (let line = 0; line < count; line += 1) {
    for (let at = 0; at < length; at += 1) {
      let sum = 0;
      for (let by = -REACH; by <= REACH; by += 1) {
        sum += values[line * apart + Math.min(length - 1, Math.max(0, at + by)) * step] ?? 0;
      }
      means[line * apart + at * step] = sum / (2 * REACH + 1);
    }
  }
  return means;
}

/** A mask in another size. */
export function scaled(mask: Mask, width: number, height: number): Mask {
  const values = new Uint8ClampedArray(width * height);
  const value = (x: number, y: number): number =>
    mask.values[Math.min(mask.height - 1, Math.max(0, y)) * mask.width + Math.min(mask.width - 1, Math.max(0, x))] ?? 0;
  for (let y = 0; y < height; y += 1) {
    const down = ((y + 0.5) * mask.height) / height - 0.5;
    const [y0, dy] = [Math.floor(down), down - Math.floor(down)];
    for (let x = 0; x < width; x += 1) {
      const right = ((x + 0.5) * mask.width) / width - 0.5;
      const [x0, dx] = [Math.floor(right), right - Math.floor(right)];
      const above = value(x0, y0) * (1 - dx) + value(x0 + 1, y0) * dx;
      const below = value(x0, y0 + 1) * (1 - dx) + value(x0 + 1, y0 + 1) * dx;
      values[y * width + x] = above * (1 - dy) + below * dy;
    }
  }
  return { width, height, values };
}
