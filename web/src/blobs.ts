// Blob URLs live until they are revoked; each place on the page holds one, and revokes the one before.
const held = new Map<string, string>();

/** A URL for a blob, in a place by name, whose URL before is revoked once the new picture has had time to load. */
export function blobUrl(place: string, blob: Blob): string {
  const before = held.get(place);
  if (before) setTimeout(() => URL.revokeObjectURL(before), 5000);
  const url = URL.createObjectURL(blob);
  held.set(place, url);
  return url;
}
