// A film that is open: its frames, the playhead, and what is played. See film_look.ts for its keyframes.
import { computed, effect, signal } from "@preact/signals";
import { isGone, studio } from "./api";
import { persistently } from "./connection";
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

export const playhead = signal(0); // number of a frame, from 0
export const playing = signal<Playing | null>(null);
export const playTime = signal(0); // where it plays, in seconds of the film
export const cuts = signal<readonly number[]>([]); // seconds

const opened = computed(() => photo.value?.facts?.id ?? null);

/** The film that is open, if it is one. */
export const film = computed<Film | null>(() => {
  if (opened.value === null) return null;
  const facts = photo.peek()?.facts;
  if (facts?.kind !== "film") return null;
  const frames = Math.max(1, facts.frames ?? 1);
  return { id: facts.id, width: facts.width, height: facts.height, frames, rate: facts.seconds ? frames / facts.seconds : 25 };
});

export const secondsOf = (frame: number): number => frame / (film.peek()?.rate ?? 25);
export const frameAt = (seconds: number): number => Math.round(seconds * (film.peek()?.rate ?? 25));

/** The address of a frame; size 0 is the film's own. */
export const frameUrl = (id: string, frame: number, size = SCREEN): string => `/api/v1/uploads/${id}/frames/${frame}?size=${size}`;

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

/** Show the frame at the playhead, and look for the cuts of a film that is opened. */
export function followFilm(): void {
  effect(() => {
    playing.value = null;
    playhead.value = 0;
    cuts.value = [];
    if (film.value) void findCuts(film.value.id);
  });
  effect(() => {
    if (film.value) void showFrame(film.value.id, playhead.value);
  });
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
    for (let wanted: number | null = frame; wanted !== null; ) {
      const url = frameUrl(id, wanted);
      await loaded(url);
      if (film.peek()?.id !== id) break;
      const now = photo.peek();
      if (now && now.url !== url) photo.value = { ...now, url };
      wanted = playhead.peek() === wanted ? null : playhead.peek();
    }
  } finally {
    loading = false;
  }
  const now = film.peek();
  if (now && now.id !== id) void showFrame(now.id, playhead.peek());
}

function loaded(url: string): Promise<void> {
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = image.onerror = () => resolve();
    image.src = url;
  });
}
