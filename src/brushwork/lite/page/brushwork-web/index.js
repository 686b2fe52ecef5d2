// Painting with AdaIN-lite: the same as brushwork.lite (network.py, passes.py), with onnxruntime-web.

import { ColorSums, alongAxes, recolored } from "./colors.js";

const MULTIPLE = 16; // sides are padded to multiples of this many pixels
const HALO = 160; // radius of the receptive field in pixels
const NEAR = 16; // pixels around a tile's core that the last graph sees
const SCALE = 4; // pixels per position of the features that are normalized
const WIDTH = 64; // channels of these features
const WHOLE = 1.1e6; // pixels up to which a picture is one tile
const TILE = 768; // side of tiles of larger ones
const ROOM = 256e6; // bytes for features that would otherwise be computed again
const THUMBNAIL = 1024; // longer side on which a photo's contrast is measured
const FLAT = 0.01, CONTRASTY = 0.03;
const LUMA = [0.299, 0.587, 0.114]; // ITU-R BT.601
const ENLARGING = ["to half", "to full"]; // layers whose kernels are centered in groups of four
const PARTS = ["head", "body", "tail"];

export async function load(source, { runtime, wasm, threads } = {}) {
  const ort = runtime ?? (await import("onnxruntime-web/wasm"));
  ort.env.wasm.numThreads = threads ?? (globalThis.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1);
  if (wasm) ort.env.wasm.wasmBinary = wasm;
  const { tensors, about } = readTensors(await bytesOf(source));
  const options = { executionProviders: ["wasm"], logSeverityLevel: 3 };
  const sessions = {};
  for (const part of PARTS) sessions[part] = await ort.InferenceSession.create(tensors[`graph.${part}`].data, options);
  return new Painter(ort, sessions, tensors, JSON.parse(about.styles));
}

export function mixed(photo, painted, strength) {
  const result = new ImageData(photo.width, photo.height);
  const [from, to, into] = [photo.data, painted.data, result.data];
  for (let i = 0; i < into.length; i++) into[i] = from[i] + strength * (to[i] - from[i]);
  return result;
}

class Painter {
  #kernels = new Map();

  constructor(ort, sessions, tensors, styles) {
    Object.assign(this, { ort, sessions, tensors, styles });
  }

  async paint(photo, { style, strength = 1, tile, onProgress = () => {}, signal } = {}) {
    const index = style === undefined ? 0 : this.styles.findIndex(({ name }) => name === style);
    if (index < 0) throw new RangeError(`there is no style ${style}; there are ${this.styles.map((s) => s.name).join(", ")}`);
    if (!(strength >= 0 && strength <= 1)) throw new RangeError(`strength: expected 0 to 1, got ${strength}`);
    const side = tile ?? (photo.width * photo.height <= WHOLE ? Infinity : TILE);
    const [code, colors] = this.#code(index);
    const passes = new Passes(this, this.#of(index, code), photo, side, colors);
    let done = 0;
    const step = async () => {
      onProgress(++done, passes.count);
      await new Promise((resolve) => setTimeout(resolve)); // lets messages in, such as one that stops this
      signal?.throwIfAborted();
    };
    await passes.measure(step);
    const flat = flatColors(photo, this.tensors.flat.data.subarray(6 * index, 6 * index + 6));
    const result = new ImageData(photo.width, photo.height);
    for (const each of passes.tiles) {
      write(result, each.core, await passes.picture(each), photo, strength, flat);
      await step();
    }
    return result;
  }

  async close() {
    for (const session of Object.values(this.sessions)) await session.release();
  }

  // Returns a style's code, and the colors at its end: none in the first architecture.
  #code(index) {
    const [, total] = this.tensors.codes.shape, [, length] = this.tensors["painter.styled.first.shape.weight"].shape;
    const code = this.tensors.codes.data.subarray(total * index, total * (index + 1));
    return [code.subarray(0, length), total > length ? code.subarray(length) : null];
  }

  #of(index, code) {
    if (!this.#kernels.has(index)) {
      if (this.#kernels.size >= 4) this.#kernels.delete(this.#kernels.keys().next().value);
      this.#kernels.set(index, kernels(this.ort, this.tensors, code));
    }
    return this.#kernels.get(index);
  }

  async run(part, weights, inputs) {
    const session = this.sessions[part];
    const feeds = { ...inputs };
    for (const name of session.inputNames) feeds[name] ??= weights[name];
    return (await session.run(feeds))[session.outputNames[0]];
  }
}

// Two or three passes over all tiles that measure the whole picture, and a last one that paints.
class Passes {
  #moments = {};
  #kept = new Map();
  #painted = new Map();
  #first = null;
  #sums = null;

  constructor(painter, weights, photo, side, colors) {
    Object.assign(this, { painter, weights, photo, colors });
    [this.height, this.width] = [up(photo.height), up(photo.width)];
    this.tiles = cut(this.height, this.width, side, HALO);
    this.nearTiles = cut(this.height, this.width, side, NEAR);
    this.count = this.nearTiles.length + (colors ? 3 : 2) * this.tiles.length;
    const pixels = this.tiles.reduce((sum, { near: [a, b, c, d] }) => sum + (c - a) * (d - b), 0);
    this.keeps = pixels * ((WIDTH * 4) / SCALE ** 2) <= ROOM;
  }

  async measure(step) {
    let sums = new Sums();
    for (const tile of this.nearTiles) {
      const first = await this.#head(tile.seen);
      sums.add(cropped(first, tile.seen, tile.core));
      if (this.tiles.length === 1) this.#first = first; // of the only tile, whose halo doesn't matter
      await step();
    }
    this.#moments.first = sums.moments();
    sums = new Sums();
    for (const tile of this.tiles) {
      const last = await this.#last(tile);
      sums.add(cropped(last, tile.near, tile.core));
      if (this.keeps) this.#kept.set(tile, last);
      await step();
    }
    this.#moments.last = sums.moments();
    if (this.colors) await this.#measureColors(step);
  }

  async #measureColors(step) {
    this.#sums = new ColorSums();
    for (const tile of this.tiles) {
      const colors = alongAxes(await this.#tail(tile));
      this.#sums.add(colors);
      if (this.keeps) this.#painted.set(tile, colors);
      await step();
    }
  }

  // Returns the painted core of a tile, (3, h, w), about [0, 1].
  async picture(tile) {
    if (!this.colors) return this.#tail(tile);
    const colors = this.#painted.get(tile) ?? alongAxes(await this.#tail(tile));
    this.#painted.delete(tile);
    return recolored(colors, this.#sums, this.colors);
  }

  // Returns the core of a tile as the network leaves it.
  async #tail(tile) {
    const last = this.#kept.get(tile) ?? (await this.#last(tile));
    this.#kept.delete(tile);
    const inputs = { last: this.#tensor(last), tile: this.#pixels(tile.near), ...this.#named("last") };
    return cropped(plain(await this.painter.run("tail", this.weights, inputs)), tile.near, tile.core, 1);
  }

  async #head(box) {
    return plain(await this.painter.run("head", this.weights, { tile: this.#pixels(box) }));
  }

  // Returns the features before the last normalization, of the tile's near area.
  async #last(tile) {
    const first = this.#first ?? (await this.#head(tile.seen));
    this.#first = null;
    const inputs = { first: this.#tensor(first), ...this.#named("first") };
    return cropped(plain(await this.painter.run("body", this.weights, inputs)), tile.seen, tile.near);
  }

  #named(stop) {
    const { mean, variance } = this.#moments[stop];
    const tensor = (data) => new this.painter.ort.Tensor("float32", data, [1, WIDTH]);
    return { [`${stop} mean`]: tensor(mean), [`${stop} variance`]: tensor(variance) };
  }

  #tensor({ data, channels, height, width }) {
    return new this.painter.ort.Tensor("float32", data, [1, channels, height, width]);
  }

  // Returns pixels of a box; where it exceeds the photo, the last row and column are repeated.
  #pixels([top, left, bottom, right]) {
    const { data, width, height } = this.photo;
    const [h, w] = [bottom - top, right - left];
    const area = h * w;
    const found = new Float32Array(3 * area);
    for (let y = 0, to = 0; y < h; y++) {
      const row = Math.min(top + y, height - 1) * width;
      for (let x = 0; x < w; x++, to++) {
        const from = 4 * (row + Math.min(left + x, width - 1));
        for (let c = 0; c < 3; c++) found[c * area + to] = data[from + c] / 255;
      }
    }
    return this.#tensor({ data: found, channels: 3, height: h, width: w });
  }
}

// Means and squared deviations of channels, joined tile by tile in float64.
class Sums {
  weight = 0;
  mean = new Float64Array(WIDTH);
  spread = new Float64Array(WIDTH);

  add({ data, height, width }) {
    const count = height * width;
    const total = this.weight + count;
    for (let c = 0; c < WIDTH; c++) {
      const start = c * count, end = start + count;
      let mean = 0, spread = 0;
      for (let i = start; i < end; i++) mean += data[i];
      mean /= count;
      for (let i = start; i < end; i++) spread += (data[i] - mean) ** 2;
      const away = mean - this.mean[c];
      this.spread[c] += spread + (away * away * this.weight * count) / total;
      this.mean[c] += (away * count) / total;
    }
    this.weight = total;
  }

  moments() {
    return { mean: Float32Array.from(this.mean), variance: Float32Array.from(this.spread, (x) => x / this.weight) };
  }
}

const up = (side) => Math.ceil(side / MULTIPLE) * MULTIPLE;

const plain = ({ data, dims: [, channels, height, width] }) => ({ data, channels, height, width });

// Cuts a picture into tiles; boxes are top, left, bottom, right in pixels.
function cut(height, width, side, halo) {
  const spans = (length) => {
    const count = Math.max(1, Math.ceil(length / Math.max(side, MULTIPLE)));
    const edges = Array.from({ length: count }, (_, k) => Math.floor((length * k) / count / MULTIPLE) * MULTIPLE);
    return edges.map((a, k) => [a, edges[k + 1] ?? length]).filter(([a, b]) => b > a);
  };
  const around = ([top, left, bottom, right], by) => [
    Math.max(0, top - by), Math.max(0, left - by), Math.min(height, bottom + by), Math.min(width, right + by),
  ];
  return spans(height).flatMap(([top, bottom]) =>
    spans(width).map(([left, right]) => {
      const core = [top, left, bottom, right];
      return { core, seen: around(core, halo), near: around(core, NEAR) };
    }),
  );
}

// Crops features of one box to another within it.
function cropped(features, outer, inner, scale = SCALE) {
  const { data, channels, height, width } = features;
  const [top, left, bottom, right] = inner.map((edge, k) => (edge - outer[k % 2]) / scale);
  const [h, w] = [bottom - top, right - left];
  if (h === height && w === width) return features;
  const found = new Float32Array(channels * h * w);
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < h; y++) {
      const from = (c * height + top + y) * width + left;
      found.set(data.subarray(from, from + w), (c * h + y) * w);
    }
  return { data: found, channels, height: h, width: w };
}

// Writes the painted core of a tile into the result, without padding, mixed with the photo as far as it is to be.
function write(result, [top, left, bottom, right], { data, width: across }, photo, strength, flat) {
  const { width, height, data: into } = result;
  const area = (bottom - top) * across;
  for (let y = top; y < Math.min(bottom, height); y++)
    for (let x = left; x < Math.min(right, width); x++) {
      const at = 4 * (y * width + x), from = (y - top) * across + (x - left);
      const gray = (LUMA[0] * photo.data[at] + LUMA[1] * photo.data[at + 1] + LUMA[2] * photo.data[at + 2]) / 255;
      for (let c = 0; c < 3; c++) {
        let value = clipped(data[c * area + from]);
        if (flat) value += flat.share * (clipped(flat.black[c] + flat.slope[c] * gray) - value);
        const own = photo.data[at + c] / 255;
        into[at + c] = 255 * (own + strength * (value - own));
      }
      into[at + 3] = photo.data[at + 3];
    }
}

const clipped = (x) => (x > 0 ? Math.min(x, 1) : 0); // NaN becomes 0

// Returns the colors of a photo with hardly any contrast, linear in luma, or null.
function flatColors(photo, line) {
  const share = Math.min(1, Math.max(0, (CONTRASTY - contrast(photo)) / (CONTRASTY - FLAT)));
  return share ? { share, black: line.subarray(0, 3), slope: line.subarray(3, 6) } : null;
}

function contrast({ data, width, height }) {
  const factor = Math.min(1, THUMBNAIL / Math.max(width, height));
  const [w, h] = [Math.max(1, Math.round(width * factor)), Math.max(1, Math.round(height * factor))];
  const cells = new Float64Array(3 * w * h), counts = new Uint32Array(w * h);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at += 4) {
      const cell = Math.floor((y * h) / height) * w + Math.floor((x * w) / width);
      counts[cell]++;
      for (let c = 0; c < 3; c++) cells[3 * cell + c] += data[at + c] / 255;
    }
  let variance = 0;
  for (let c = 0; c < 3; c++) {
    let sum = 0, squares = 0;
    for (let k = 0; k < w * h; k++) {
      const value = cells[3 * k + c] / counts[k];
      sum += value;
      squares += value * value;
    }
    variance += (squares / (w * h) - (sum / (w * h)) ** 2) / 3;
  }
  return Math.sqrt(Math.max(variance, 0));
}

// Returns all weights of the graphs, by the names that they have there: fixed ones, and kernels for a code.
function kernels(ort, tensors, code) {
  const found = {};
  const add = (name, data, shape) => (found[name] = new ort.Tensor("float32", data, shape));
  for (const [name, { data, shape }] of Object.entries(tensors)) {
    if (!name.startsWith("painter.")) continue;
    const [, layer] = /^painter\.styled\.(.+)\.shape\.weight$/.exec(name) ?? [];
    if (layer) {
      const of = (part) => tensors[`painter.styled.${layer}.${part}`]?.data;
      const numbers = times(data, code, of("shape.bias"));
      const { weight, bias, dims } = layer.endsWith("norm") ? norm(numbers) : conv(numbers, of, ENLARGING.includes(layer));
      add(`${layer}.weight of style 0`, weight, dims);
      add(`${layer}.bias of style 0`, bias, [dims[0]]);
    } else if (!name.startsWith("painter.styled.")) add(name, data, shape);
  }
  return found;
}

function times(matrix, vector, bias) {
  return Float64Array.from(bias, (sum, row) => {
    for (let k = 0, at = row * vector.length; k < vector.length; k++, at++) sum += matrix[at] * vector[k];
    return sum;
  });
}

function norm(numbers) {
  const width = numbers.length / 2;
  return {
    weight: Float32Array.from(numbers.subarray(0, width), (x) => 1 + x),
    bias: Float32Array.from(numbers.subarray(width)),
    dims: [width],
  };
}

function conv(numbers, of, centers) {
  const [plainWeight, plainBias, down, upward] = ["weight", "bias", "down", "up"].map(of);
  const width = plainBias.length, length = plainWeight.length / width, channels = length / 9, rank = down.length / length;
  const a = numbers.subarray(0, channels), b = numbers.subarray(channels, channels + width);
  const m = numbers.subarray(channels + width, channels + width + rank), c = numbers.subarray(channels + width + rank);
  const weight = Float64Array.from(plainWeight), bias = Float64Array.from(plainBias, (x, o) => x + c[o]);
  for (let o = 0; o < width; o++) {
    for (let r = 0; r < rank; r++) {
      const share = upward[o * rank + r] * m[r];
      for (let k = 0; k < length; k++) weight[o * length + k] += share * down[r * length + k];
    }
    for (let k = 0; k < length; k++) weight[o * length + k] *= (1 + b[o]) * (1 + a[Math.floor(k / 9)]);
  }
  if (centers) center(weight, bias, width, channels);
  return { weight: Float32Array.from(weight), bias: Float32Array.from(bias), dims: [width, channels, 3, 3] };
}

// Makes the sums of kernels, and biases, equal within groups of four outputs, which become neighboring pixels.
function center(weight, bias, width, channels) {
  const total = (o, i) => weight.subarray((o * channels + i) * 9, (o * channels + i) * 9 + 9).reduce((x, y) => x + y, 0);
  for (let o = 0; o < width; o += 4) {
    const group = [o, o + 1, o + 2, o + 3];
    const mean = group.reduce((sum, k) => sum + bias[k], 0) / 4;
    for (const k of group) bias[k] = mean;
    for (let i = 0; i < channels; i++) {
      const sums = group.map((k) => total(k, i));
      const middle = sums.reduce((x, y) => x + y, 0) / 4;
      group.forEach((k, at) => {
        for (let p = 0; p < 9; p++) weight[(k * channels + i) * 9 + p] -= (sums[at] - middle) / 9;
      });
    }
  }
}

async function bytesOf(source) {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  const answer = await fetch(source);
  if (!answer.ok) throw new Error(`${source}: ${answer.status} ${answer.statusText}`);
  return new Uint8Array(await answer.arrayBuffer());
}

// Reads a .safetensors file.
function readTensors(bytes) {
  const size = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const { __metadata__: about, ...entries } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + size)));
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [start, end] }] of Object.entries(entries)) {
    const part = bytes.slice(8 + size + start, 8 + size + end); // a copy, since views must be aligned
    tensors[name] = { shape, data: TYPES[dtype](part) };
  }
  return { tensors, about };
}

const TYPES = {
  U8: (part) => part,
  F32: (part) => new Float32Array(part.buffer),
  F16: (part) => Float32Array.from(new Uint16Array(part.buffer), fromHalf),
};

function fromHalf(bits) {
  const exponent = (bits >> 10) & 31, fraction = bits & 1023;
  const size = exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : (2 ** -14 * fraction) / 1024;
  return bits & 0x8000 ? -size : size;
}
