// A film that is open: its frames, the playhead, and what is played. See film_look.ts for its keyframes.
import { computed, effect, signal } from "@preact/signals";
import type { UploadFacts } from "../../src/brushwork/studio/v1/client.js";
import { isGone, studio } from "./api";
import { blobUrl } from "./blobs";
import { persistently } from "./connection";
import { cached, keep } from "./picture_cache";
import { photo } from "./state";

export interface Film {
  readonly id: string; // an upload's
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly rate: number; // frames per second
}

/** What is played in the place of the picture: two painted seconds, again and again, or the finished film. */
export interface Playing {
  readonly kind: "clip" | "film";
  readonly url: string;
  readonly start: number; // of the film, in seconds
}

const SCREEN = 1024; // longer side of a frame on the screen, in pixels
const TRACK = 64; // height of the small frames, in pixels
const NONE: readonly number[] = []; // cuts that were not looked for yet

export const playhead = signal(0); // number of a frame, from 0
export const playing = signal<Playing | null>(null);
export const playTime = signal(0); // where it plays, in seconds of the film
export const cuts = signal<readonly number[]>(NONE); // seconds
export const framesUrl = signal<string | null>(null); // a blob's: small frames side by side

const opened = computed(() => photo.value?.facts?.id ?? null);

/** The film that is open, if it is one. */
export const film = computed<Film | null>(() => {
  if (opened.value === null) return null;
  const facts = photo.peek()?.facts;
  if (facts?.kind !== "film") return null;
  const frames = Math.max(1, facts.frames ?? 1);
  return {
    id: facts.id,
    width: facts.width,
    height: facts.height,
    frames,
    rate: rateOf(facts),
  };
});

/** Frames per second of a film; the usual ones if it doesn't say. */
export function rateOf({ frames, seconds }: UploadFacts): number {
  return seconds ? Math.max(1, frames ?? 1) / seconds : 25;
}

export const secondsOf = (frame: number): number => frame / (film.peek()?.rate ?? 25);
export const frameAt = (seconds: number): number => Math.round(seconds * (film.peek()?.rate ?? 25));

/** The address of a frame; size 0 is the film's own. */
export const frameUrl = (id: string, frame: number, size = SCREEN): string =>
  `/api/v1/uploads/${id}/frames/${frame}?size=${size}`;

/** Move the playhead to a frame, and stop what is played. */
export function seek(frame: number): void {
  playing.value = null;
  playhead.value = Math.min((film.value?.frames ?? 1) - 1, Math.max(0, Math.round(frame)));
}

/** "1:02.45" */
export function timeText(seconds: number): string {
  const hundredths = Math.round(seconds * 100);
  const [minutes, rest] = [Math.floor(hundredths / 6000), (hundredths % 6000) / 100];
  return `${minutes}:${rest.toFixed(2).padStart(5, "0")}`;
}

/** Show the frame at the playhead. */
export function followFilm(): void {
  effect(() => {
    void film.value; // whenever another one is opened
    playing.value = null;
    playhead.value = 0;
    cuts.value = NONE;
    framesUrl.value = null;
  });
  effect(() => {
    if (film.value) void showFrame(film.value.id, playhead.value);
  });
}

/** Fetch small frames for the track, and look for cuts once they are there. */
export async function fetchFrames(id: string, count: number): Promise<void> {
  try {
    const strip = await persistently(() => studio.frames(id, { count, height: TRACK }));
    if (film.peek()?.id !== id) return;
    framesUrl.value = blobUrl("frames", strip);
    if (cuts.peek() === NONE) await findCuts(id);
  } catch (error) {
    if (!isGone(error)) console.warn(error);
  }
}

async function findCuts(id: string): Promise<void> {
  try {
    const found = await persistently(() => studio.cuts(id));
    if (film.peek()?.id === id) cuts.value = found;
  } catch (error) {
    if (!isGone(error)) console.warn(error); // a timeline without marks serves, too
  }
}

let loading = false; // one frame at a time; the newest is loaded when it is there

async function showFrame(id: string, frame: number): Promise<void> {
  if (loading) return;
  loading = true;
  try {
    for (let wanted: number | null = frame; wanted !== null;) {
      const url = await frameOf(id, wanted);
      if (film.peek()?.id !== id) break;
      const now = photo.peek();
      if (now && now.url !== url) photo.value = { ...now, url };
      wanted = playhead.peek() === wanted ? null : playhead.peek();
    }
  } catch (error) {
    if (!isGone(error)) console.warn(error); // the frame before stays
  } finally {
    loading = false;
  }
  const now = film.peek();
  if (now && now.id !== id) void showFrame(now.id, playhead.peek());
}

async function frameOf(id: string, frame: number): Promise<string> {
  const key = frameUrl(id, frame);
  return (cached(key) ?? keep(key, await persistently(() => studio.frame(id, frame, SCREEN)))).url;
}
