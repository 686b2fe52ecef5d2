// Pictures that were painted in this tab, so that undo and a second look show them at once.
import { shown } from "./state";

const MOST = 60; // at about 100 KB each

export interface Kept {
  readonly url: string; // a blob's
  readonly job: string | null;
}

const kept = new Map<string, Kept>(); // by request, the latest use last

/** A picture by the request that it was painted for. */
export function cached(request: string): Kept | undefined {
  const found = kept.get(request);
  if (found) {
    kept.delete(request);
    kept.set(request, found);
  }
  return found;
}

/** Keep a picture, and let go of the ones that were not looked at for longest. */
export function keep(request: string, picture: Blob, job: string | null = null): Kept {
  const made = { url: URL.createObjectURL(picture), job };
  forget(request);
  kept.set(request, made);
  for (const [oldest, { url }] of [...kept].slice(0, Math.max(0, kept.size - MOST))) {
    if (url !== shown.value.url) forget(oldest);
  }
  return made;
}

/** Let go of a picture; what shows it now has time to show another one. */
function forget(request: string): void {
  const found = kept.get(request);
  kept.delete(request);
  if (found) setTimeout(() => URL.revokeObjectURL(found.url), 5000);
}
