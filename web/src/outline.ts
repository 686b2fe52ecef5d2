// Outlines of masks, as paths of SVG.
import type { Mask } from "./mask";

const FINEST = 512; // cells along the longer side: finer than an outline is drawn
const HALF = 128; // values from here on are inside

/** The outline of what a mask covers at least by half, in pixels of the mask; "" if that is nothing. */
export function outlineOf(mask: Mask): string {
  const cell = Math.max(1, Math.ceil(Math.max(mask.width, mask.height) / FINEST));
  const columns = Math.ceil(mask.width / cell);
  const rows = Math.ceil(mask.height / cell);
  const isInside = (x: number, y: number): boolean => {
    if (x < 0 || y < 0 || x >= columns || y >= rows) return false;
    const [column, row] = [Math.min(mask.width - 1, x * cell + (cell >> 1)), Math.min(mask.height - 1, y * cell + (cell >> 1))];
    return (mask.values[row * mask.width + column] ?? 0) >= HALF;
  };
  return loops(edges(columns, rows, isInside), columns + 1)
    .map((corners) => path(corners, cell, mask))
    .join("");
}

type Corner = number; // of a cell: row by row, one more in each row than there are cells

/** The edges between inside and outside, with the inside on the right: from each corner to the next ones. */
function edges(columns: number, rows: number, isInside: (x: number, y: number) => boolean): Map<Corner, Corner[]> {
  const next = new Map<Corner, Corner[]>();
  const add = (from: Corner, to: Corner): void => void next.set(from, [...(next.get(from) ?? []), to]);
  for (let y = 0; y < rows; y += 1) {
    for (let x = 0; x < columns; x += 1) {
      if (!isInside(x, y)) continue;
      const corner = y * (columns + 1) + x;
      const below = corner + columns + 1;
      if (!isInside(x, y - 1)) add(corner, corner + 1);
      if (!isInside(x + 1, y)) add(corner + 1, below + 1);
      if (!isInside(x, y + 1)) add(below + 1, below);
      if (!isInside(x - 1, y)) add(below, corner);
    }
  }
  return next;
}

/** Edges as closed loops, each corner as [x, y]. */
function loops(next: Map<Corner, Corner[]>, across: number): [number, number][][] {
  const found: [number, number][][] = [];
  for (const start of next.keys()) {
    const corners: [number, number][] = [];
    for (let at: Corner | undefined = start; at !== undefined; at = next.get(at)?.pop())
      corners.push([at % across, Math.floor(at / across)]);
    if (corners.length > 1) found.push(corners);
  }
  return found;
}

/** A closed path through the middles of the edges, so that there are no stairs. */
function path(corners: readonly [number, number][], cell: number, { width, height }: Mask): string {
  const points = corners.slice(1).map(([x, y], at) => {
    const [left, top] = corners[at] ?? [x, y];
    return `${Math.min(width, (cell * (left + x)) / 2)} ${Math.min(height, (cell * (top + y)) / 2)}`;
  });
  return `M${points.join("L")}Z`;
}
