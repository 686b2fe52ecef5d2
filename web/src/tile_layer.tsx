// The true pixels of a large picture: tiles over the picture at screen size, for what is in sight of it.
import { effect, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { TileFacts } from "../../src/brushwork/studio/v1/client.js";
import { isGone, studio, tileUrl } from "./api";
import { persistently } from "./connection";
import { held, tilesInSight } from "./tiles";
import type { Tile } from "./tiles";
import { frame } from "./zoom";

const SETTLED = 80; // ms without a move before tiles are fetched, so that those on the way are not

interface Props {
  readonly of: "uploads" | "jobs";
  readonly id: string;
  readonly clip?: { clipPath?: string };
  readonly onGone?: () => void;
}

/** Tiles of an upload or of a result; give it a key, since another picture has other tiles. */
export function TileLayer({ of, id, clip = {}, onGone }: Props) {
  const grid = useSignal<TileFacts | null>(null);
  const tiles = useSignal<readonly Tile[]>([]);
  useEffect(() => {
    let left = false;
    persistently(() => studio.tiles(id, of)).then(
      (found) => {
        if (!left) grid.value = found;
      },
      (error: unknown) => {
        if (isGone(error)) onGone?.(); // otherwise the picture at screen size stays
      },
    );
    return () => (left = true);
  }, []);
  useEffect(
    () =>
      effect(() => {
        if (!grid.value) return;
        const sight = { width: innerWidth, height: innerHeight };
        const inSight = tilesInSight(grid.value, frame.value, sight, devicePixelRatio);
        const timer = setTimeout(() => (tiles.value = held(tiles.peek(), inSight)), SETTLED);
        return () => clearTimeout(timer);
      }),
    [],
  );
  return (
    <div class="tiles" style={clip}>
      {tiles.value.map(({ path, level, box }) => (
        <img
          key={path}
          src={tileUrl(of, id, path)}
          style={{ ...percent(box), zIndex: -level }} // the finer ones above
          alt=""
          draggable={false}
        />
      ))}
    </div>
  );
}

const percent = (box: Tile["box"]): Record<string, string> =>
  Object.fromEntries(Object.entries(box).map(([name, value]) => [name, `${value}%`]));
