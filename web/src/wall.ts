// The wall: what was made, a part at a time, filtered; and what was deleted from it, for some seconds only in sight.
import { signal } from "@preact/signals";
import type { JobFacts } from "../../src/brushwork/studio/v1/client.js";
import { checkLogin, deleteFromLeaving, isGone, studio, wordsOf } from "./api";
import { persistently } from "./connection";
import { remove } from "./queue";

const PART = 24; // works that are loaded at once
const UNDO_TIME = 7000; // ms
const MADE = ["done", "stopped"] as const;

export type Kind = JobFacts["kind"] | "";
export const KINDS: readonly Kind[] = ["", "picture", "batch", "texture", "video", "grid"];

export const works = signal<readonly JobFacts[]>([]);
export const kind = signal<Kind>("");
export const search = signal("");
export const loading = signal(false);
export const failure = signal(""); // why it could not be loaded
export const more = signal<string | null>(null); // the cursor of the next part
export const leaving = signal<JobFacts | null>(null); // deleted last, and can come back

let asked = 0; // counts, so that an answer that was overtaken is dropped

/** Load the first part; `keep` leaves what is shown until it is there. */
export async function loadWall(keep = false): Promise<void> {
  if (!keep) works.value = [];
  await load("");
}

/** Add what was made meanwhile. */
export async function refreshWall(): Promise<void> {
  if (works.value.length === 0) return loadWall();
  const number = asked;
  const part = await studio
    .jobPage({ kind: kind.value, search: search.value.trim(), status: MADE, limit: PART })
    .catch(() => null);
  if (!part || number !== asked) return;
  const known = new Set(works.value.map((job) => job.id));
  works.value = [...part.items.filter((job) => !known.has(job.id) && !pending.has(job.id)), ...works.value];
}

/** Load the next part. */
export async function loadMore(): Promise<void> {
  if (more.value !== null && !loading.value) await load(more.value);
}

async function load(cursor: string): Promise<void> {
  const number = ++asked;
  loading.value = true;
  failure.value = "";
  try {
    const wanted = { kind: kind.value, search: search.value.trim(), status: MADE, limit: PART, cursor };
    const part = await persistently(() => studio.jobPage(wanted));
    if (number !== asked) return;
    const items = part.items.filter((job) => !pending.has(job.id));
    works.value = cursor ? [...works.value, ...items] : items;
    more.value = part.next;
  } catch (error) {
    checkLogin(error);
    if (number === asked) failure.value = wordsOf(error);
  } finally {
    if (number === asked) loading.value = false;
  }
}

let searchTimer: ReturnType<typeof setTimeout> | undefined;

export function searchFor(words: string): void {
  search.value = words;
  clearTimeout(searchTimer);
  searchTimer = setTimeout(() => void loadWall(true), 250);
}

export function showKind(next: Kind): void {
  kind.value = next;
  void loadWall();
}

const pending = new Map<string, ReturnType<typeof setTimeout>>(); // deleted, while they can come back

/** Delete a work; it can come back for some seconds. */
export function removeWork(job: JobFacts): void {
  works.value = works.value.filter((other) => other.id !== job.id);
  leaving.value = job;
  pending.set(
    job.id,
    setTimeout(() => void deleteNow(job), UNDO_TIME),
  );
}

/** Bring back what was deleted last. */
export function bringBack(): void {
  const job = leaving.value;
  if (!job) return;
  clearTimeout(pending.get(job.id));
  pending.delete(job.id);
  leaving.value = null;
  works.value = [...works.value, job].sort((a, b) => b.made - a.made);
}

async function deleteNow(job: JobFacts): Promise<void> {
  try {
    await persistently(() => studio.delete(job.id));
  } catch (error) {
    checkLogin(error);
    if (!isGone(error)) failure.value = wordsOf(error);
  }
  pending.delete(job.id);
  remove(job.id);
  if (leaving.value?.id === job.id) leaving.value = null;
}

/** Delete what is still pending if the page is closed. */
export function deleteOnLeave(): void {
  addEventListener("pagehide", () => {
    for (const id of pending.keys()) deleteFromLeaving(id);
  });
}
