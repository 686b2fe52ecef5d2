// Which tiles of a large picture are in sight, and at which level: where they lie, in percent of the picture.
import type { TileFacts } from "../../src/brushwork/studio/v1/client.js";
import type { Box } from "./zoom";

const MOST = 96; // tiles that a picture holds; one has a megabyte once it is decoded

export interface Tile {
  readonly path: string; // "level/column/row"
  readonly level: number;
  readonly box: Box; // in percent of the picture
}

/**
 * The tiles in sight, those nearest to the middle first, at the level that has at least as many pixels as the screen.
 * @param place where the whole picture lies
 * @param sight the size of the window
 * @param density screen pixels for a CSS pixel
 */
export function tilesInSight(grid: TileFacts, place: Box, sight: { width: number; height: number }, density: number): readonly Tile[] {
  const scale = (place.width * density) / grid.width; // screen pixels for a pixel of the picture
  const level = Math.max(0, Math.floor(Math.log2(1 / scale) + 1e-6));
  const side = grid.side * 2 ** level; // of a tile in pixels of the picture
  const size = (side * place.width) / grid.width; // the same in CSS pixels
  const columns = spanOf(-place.left, sight.width, size, Math.ceil(grid.width / side));
  const rows = spanOf(-place.top, sight.height, size, Math.ceil(grid.height / side));
  const middle = { x: (sight.width / 2 - place.left) / size, y: (sight.height / 2 - place.top) / size };
  const found = rows.flatMap((row) =>
    columns.map((column) => ({ far: Math.hypot(column + 0.5 - middle.x, row + 0.5 - middle.y), column, row })),
  );
  found.sort((a, b) => a.far - b.far);
  return found.map(({ column, row }) => ({ path: `${level}/${column}/${row}`, level, box: boxOf(grid, side, column, row) }));
}

/** Numbers of the tiles of a row or a column that a window shows. */
function spanOf(start: number, length: number, size: number, count: number): readonly number[] {
  const first = Math.max(0, Math.floor(start / size));
  const last = Math.min(count - 1, Math.ceil((start + length) / size) - 1);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

function boxOf({ width, height }: TileFacts, side: number, column: number, row: number): Box {
  const [left, top] = [column * side, row * side];
  return {
    left: (100 * left) / width,
    top: (100 * top) / height,
    width: (100 * Math.min(side, width - left)) / width,
    height: (100 * Math.min(side, height - top)) / height,
  };
}

/** The tiles that are held once others are in sight: those that were seen last. */
export function held(before: readonly Tile[], inSight: readonly Tile[]): readonly Tile[] {
  const seen = new Set(inSight.map((tile) => tile.path));
  return [...before.filter((tile) => !seen.has(tile.path)), ...[...inSight].reverse()].slice(-MOST);
}
