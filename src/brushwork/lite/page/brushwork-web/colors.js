// The last stage of AdaIN-lite 2: the picture gets exactly the painting's mean and covariance of the colors. The same as
// brushwork.lite.recoloring.

const LEAST = (2 / 255) ** 2; // variances below this count as this, so that a flat picture stays flat
const STEEPEST = 8; // how many times a difference of colors may grow
const AXES = [[1, 1, 1], [1, -1, 0], [1, 1, -2]].map((axis) => axis.map((x) => x / Math.hypot(...axis))); // gray first
const ACROSS = [0, 1, 2].map((i) => AXES.map((axis) => axis[i])); // from the axes back to red, green and blue
const LOWER = [[0, 0], [1, 0], [1, 1], [2, 0], [2, 1], [2, 2]]; // entries of a lower triangle, row by row

// Mean and covariance of the colors, joined tile by tile.
export class ColorSums {
  weight = 0;
  mean = [0, 0, 0];
  spread = LOWER.map(() => 0);

  add({ data, height, width }) {
    const count = height * width, total = this.weight + count;
    const mean = [0, 1, 2].map((c) => {
      let sum = 0;
      for (let p = c * count; p < (c + 1) * count; p++) sum += data[p];
      return sum / count;
    });
    const away = mean.map((x, c) => x - this.mean[c]);
    LOWER.forEach(([i, j], k) => {
      let sum = 0;
      for (let p = 0; p < count; p++) sum += (data[i * count + p] - mean[i]) * (data[j * count + p] - mean[j]);
      this.spread[k] += sum + (away[i] * away[j] * this.weight * count) / total;
    });
    this.mean = this.mean.map((x, c) => x + (away[c] * count) / total);
    this.weight = total;
  }
}

// Returns pixels (3, h, w) along the axes.
export const alongAxes = (pixels) => mapped(pixels, AXES, [0, 0, 0]);

// Returns pixels with the wanted colors, three means and a triangle, from a tile along the axes and sums of the whole.
export function recolored(colors, sums, wanted) {
  const from = cholesky(sums.spread.map((x) => x / sums.weight)), to = triangle(wanted.subarray(3));
  let transform = to.map(([x, y, z]) => { // to · from⁻¹
    const c = z / from[2][2], b = (y - c * from[2][1]) / from[1][1];
    return [(x - b * from[1][0] - c * from[2][0]) / from[0][0], b, c];
  });
  const scale = Math.min(1, STEEPEST / Math.max(Math.hypot(...transform.flat()), 1e-12));
  transform = transform.map((row) => row.map((x) => scale * x));
  const shift = transform.map((row, i) => wanted[i] - dot(row, sums.mean));
  const kernel = ACROSS.map((row) => [0, 1, 2].map((j) => dot(row, transform.map((x) => x[j]))));
  return mapped(colors, kernel, ACROSS.map((row) => dot(row, shift)));
}

const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

const triangle = ([a, b, c, d, e, f]) => [[a, 0, 0], [b, c, 0], [d, e, f]];

function cholesky([xx, xy, yy, xz, yz, zz]) {
  const root = (variance) => Math.sqrt(Math.max(variance, LEAST));
  const a = root(xx), b = xy / a, d = xz / a;
  const c = root(yy - b * b), e = (yz - d * b) / c;
  return triangle([a, b, c, d, e, root(zz - d * d - e * e)]);
}

function mapped({ data, height, width }, matrix, shift) {
  const area = height * width, found = new Float32Array(3 * area);
  matrix.forEach(([a, b, c], i) => {
    for (let p = 0; p < area; p++) found[i * area + p] = a * data[p] + b * data[area + p] + c * data[2 * area + p] + shift[i];
  });
  return { data: found, channels: 3, height, width };
}
