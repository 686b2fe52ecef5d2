// Masks as grids of values from 0 to 255, and what brushes do to them. Nothing here touches the page.
export interface Mask {
  readonly width: number;
  readonly height: number;
  readonly values: Uint8ClampedArray<ArrayBuffer>; // row by row
}

export interface Spot {
  readonly x: number; // pixels of the mask
  readonly y: number;
}

/** A part of a mask, in pixels: from `left`, `top` to before `right`, `bottom`. */
export interface Part {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export const filled = ({ width, height }: { width: number; height: number }, value: number): Mask => ({
  width,
  height,
  values: new Uint8ClampedArray(width * height).fill(value),
});

export const copied = (mask: Mask): Mask => ({ ...mask, values: mask.values.slice() });
export const isEmpty = (mask: Mask): boolean => mask.values.every((value) => value === 0);
export const isSame = (one: Mask, other: Mask): boolean =>
  one.width === other.width &&
  one.height === other.height &&
  one.values.every((value, at) => value === other.values[at]);
export const wholeOf = (mask: Mask): Part => ({ left: 0, top: 0, right: mask.width, bottom: mask.height });

/**
 * Draw a line with a round brush into a mask. Where the line crosses itself, it gets no stronger.
 * @param radius of the brush in pixels
 * @param softness 0: a sharp edge; 1: fades from the middle on
 * @returns the part that may have changed
 */
export function drawLine(mask: Mask, from: Spot, to: Spot, radius: number, softness: number): Part {
  const part = {
    left: Math.max(0, Math.floor(Math.min(from.x, to.x) - radius)),
    top: Math.max(0, Math.floor(Math.min(from.y, to.y) - radius)),
    right: Math.min(mask.width, Math.ceil(Math.max(from.x, to.x) + radius) + 1),
    bottom: Math.min(mask.height, Math.ceil(Math.max(from.y, to.y) + radius) + 1),
  };
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const long = dx * dx + dy * dy || 1;
  const fade = Math.max(1, radius * softness); // one pixel, so that edges are smooth
  for (let y = part.top; y < part.bottom; y += 1) {
    for (let x = part.left; x < part.right; x += 1) {
      const along = Math.min(1, Math.max(0, ((x - from.x) * dx + (y - from.y) * dy) / long));
      const away = Math.hypot(x - from.x - along * dx, y - from.y - along * dy);
      const share = Math.min(1, (radius - away) / fade);
      if (share <= 0) continue;
      const value = 255 * share * share * (3 - 2 * share);
      const at = y * mask.width + x;
      if (value > (mask.values[at] ?? 0)) mask.values[at] = value;
    }
  }
  return part;
}

/**
 * Masks after a stroke, written into `after`. A region takes what it gains from the others, so that they never overlap.
 * @param before the masks before the stroke
 * @param active the region that is painted or erased
 * @param stroke how much each pixel is painted
 */
export function applyStroke(
  before: readonly Mask[],
  after: readonly Mask[],
  active: number,
  stroke: Mask,
  erases: boolean,
  part: Part,
): void {
  const [own, old] = [after[active], before[active]];
  if (!own || !old) return;
  for (let y = part.top; y < part.bottom; y += 1) {
    for (let at = y * own.width + part.left; at < y * own.width + part.right; at += 1) {
      const [value, share] = [old.values[at] ?? 0, (stroke.values[at] ?? 0) / 255];
      own.values[at] = erases ? value * (1 - share) : value + (255 - value) * share;
    }
  }
  giveWay(before, after, active, part);
}

/** Masks with a region's replaced; the others give way. */
export function replaced(masks: readonly Mask[], active: number, mask: Mask): Mask[] {
  const after = masks.map((other, at) => (at === active ? mask : copied(other)));
  giveWay(masks, after, active, wholeOf(mask));
  return after;
}

export const inverted = (mask: Mask): Mask => ({ ...mask, values: mask.values.map((value) => 255 - value) });

function giveWay(before: readonly Mask[], after: readonly Mask[], active: number, part: Part): void {
  const own = after[active];
  if (!own) return;
  after.forEach((other, number) => {
    const old = before[number];
    if (number === active || !old) return;
    for (let y = part.top; y < part.bottom; y += 1) {
      for (let at = y * own.width + part.left; at < y * own.width + part.right; at += 1) {
        other.values[at] = Math.min(old.values[at] ?? 0, 255 - (own.values[at] ?? 0));
      }
    }
  });
}
