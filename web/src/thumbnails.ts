// Thumbnails of the photo in every style, as the studio streams them.
import { effect, signal } from "@preact/signals";
import { isGone, studio } from "./api";
import { persistently } from "./connection";
import { measured } from "./moods";
import type { Look } from "./moods";
import { photo, styles } from "./state";

export interface Thumbnail {
  readonly url: string; // a blob's
  readonly look: Look | null; // null until it has been measured
}

export const thumbnails = signal<ReadonlyMap<string, Thumbnail>>(new Map());
export const thumbnailsComplete = signal(false);

export const thumbnailOf = (style: string): string | undefined => thumbnails.value.get(style)?.url;

let aborting = new AbortController();

/** Fetch the thumbnails of each photo that is opened, and of styles that are added. */
export function followThumbnails(): void {
  let of: string | undefined;
  effect(() => {
    if (photo.value && !photo.value.facts) return; // it is being sent
    const id = photo.value?.facts?.id;
    const names = styles.value.map((style) => style.name);
    const left = names.some((name) => !thumbnails.peek().has(name));
    if (id === of && !left) return;
    if (id !== of) {
      const before = [...thumbnails.peek().values()];
      setTimeout(() => before.forEach(({ url }) => URL.revokeObjectURL(url)), 5000); // some are still on screen
      thumbnails.value = new Map();
    }
    of = id;
    aborting.abort();
    aborting = new AbortController();
    if (id !== undefined) void fetchAll(id, aborting.signal);
  });
}

async function fetchAll(id: string, stop: AbortSignal): Promise<void> {
  thumbnailsComplete.value = false;
  try {
    await persistently(async () => {
      for await (const [style, jpeg] of studio.strip(id, { signal: stop })) {
        if (thumbnails.peek().has(style)) continue;
        const url = URL.createObjectURL(jpeg);
        add(style, { url, look: null });
        void measured(jpeg).then((look) => {
          if (photo.peek()?.facts?.id === id) add(style, { url, look }); // it may be measured before it is shown
        });
      }
    });
    thumbnailsComplete.value = true;
  } catch (error) {
    if (!stop.aborted && !isGone(error)) console.warn(error);
  }
}

let added: [string, Thumbnail][] = [];

/** Add thumbnails once per frame, however many come in it. */
function add(style: string, thumbnail: Thumbnail): void {
  if (added.length === 0) requestAnimationFrame(flush);
  added.push([style, thumbnail]);
}

function flush(): void {
  const known = new Set(styles.value.map((style) => style.name));
  const fresh = added.filter(([style]) => known.has(style));
  added = [];
  thumbnails.value = new Map([...thumbnails.value, ...fresh]);
}
