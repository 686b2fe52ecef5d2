// A film is previewed, two seconds at a time, and made, by a job that goes on after a reload.
import { signal } from "@preact/signals";
import type { JobFacts } from "../../src/brushwork/studio/v1/client.js";
import { tell } from "./actions";
import { checkLogin, isGone, isSuperseded, studio, wordsOf } from "./api";
import { blobUrl } from "./blobs";
import { persistently } from "./connection";
import { film, playhead, playing, playTime, secondsOf } from "./film";
import { lookAt } from "./film_look";
import { pictureSettings, styleText } from "./request";
import { recipe } from "./state";
import type { Finish, Recipe } from "./state";
import { store, stored } from "./storage";
import { t } from "./texts";

export interface FilmJob {
  readonly film: string; // an upload's ID
  readonly facts: JobFacts;
  readonly picture: string | null; // a blob's URL: the frame that was painted last
}

const CLIP_SECONDS = 2;
const USUAL_SIZE = 1024; // longer side in pixels

export const clipWaiting = signal(false);
export const filmJob = signal<FilmJob | null>(null);

/** The longer side of the film that is made, in pixels. */
export function filmSize(made: Recipe): number {
  const own = film.value ? Math.max(film.value.width, film.value.height) : USUAL_SIZE;
  return made.filmSize === null ? Math.min(own, USUAL_SIZE) : Math.min(own, made.filmSize || own);
}

/** The request for a film, or for a clip of it, which has no size. */
function filmAsked(made: Recipe, finish: Finish = made.finish): Record<string, unknown> {
  const pictures = made.paintedFrames.map((one) => one.picture).filter((picture) => picture !== null);
  const all = pictures.length > 0 && pictures.length === made.paintedFrames.length;
  const own = all && made.keyframes.length === 0; // then what they don't show is in their style, too
  return {
    kind: "video",
    film: made.photo,
    style: own ? `@${pictures[0]}` : styleText(lookAt(made, 0).style),
    preset: finish,
    settings: pictureSettings(made, finish),
    smoothing: made.steadiness,
    keep_color: made.colors === "photo" ? "luminance" : null,
    keyframes: made.keyframes.map((key) => ({
      seconds: key.seconds,
      style: styleText(key.style),
      strength: key.strength,
    })),
    painted: made.paintedFrames,
  };
}

/** Play two painted seconds from the playhead on; or stop what is played. */
export async function playClip(): Promise<void> {
  const own = film.value;
  if (!own || clipWaiting.value) return;
  if (playing.value) {
    playing.value = null;
    return;
  }
  const at = playhead.value;
  const start = Math.max(0, Math.min(secondsOf(at), secondsOf(own.frames) - CLIP_SECONDS));
  clipWaiting.value = true;
  try {
    const clip = await persistently(() => studio.clip({ ...filmAsked(recipe.value, "draft"), painted: [], start }));
    if (film.value?.id !== own.id || playhead.value !== at) return;
    playTime.value = start;
    playing.value = { kind: "clip", url: blobUrl("clip", clip), start };
  } catch (error) {
    checkLogin(error);
    if (!isSuperseded(error)) tell("error", wordsOf(error));
  } finally {
    clipWaiting.value = false;
  }
}

export const resultUrl = (job: string, inline = false): string =>
  `/api/v1/jobs/${job}/result${inline ? "?inline=true" : ""}`;

export function playFilm(): void {
  const job = filmJob.value?.facts;
  if (!job?.result) return;
  playTime.value = 0;
  playing.value = { kind: "film", url: resultUrl(job.id, true), start: 0 };
}

export const isMaking = (): boolean =>
  ["waiting", "running", "paused", "interrupted"].includes(filmJob.value?.facts.status ?? "");

/** Make the film. */
export async function makeFilm(): Promise<void> {
  const own = film.value;
  if (!own || isMaking()) return;
  const key = crypto.getRandomValues(new Uint32Array(4)).join("-");
  try {
    const ask = { ...filmAsked(recipe.value), size: filmSize(recipe.value) };
    const facts = await persistently(() => studio.submit("video", ask, { key }));
    store("film-job", { film: own.id, job: facts.id });
    filmJob.value = { film: own.id, facts, picture: null };
    await watch(own.id, facts.id);
  } catch (error) {
    checkLogin(error);
    tell("error", wordsOf(error));
  }
}

export async function cancelFilm(): Promise<void> {
  const job = filmJob.value?.facts.id;
  filmJob.value = null;
  store("film-job", null);
  if (job)
    await persistently(() => studio.discard(job)).catch(
      (error: unknown) => isGone(error) || tell("error", wordsOf(error)),
    );
}

/** Go on with the film that was made before a reload. */
export async function resumeFilm(): Promise<void> {
  const last = stored<{ film: string; job: string } | null>("film-job", null);
  if (!last) return;
  try {
    const facts = await persistently(() => studio.job(last.job));
    filmJob.value = { film: last.film, facts, picture: null };
    if (isMaking()) await watch(last.film, last.job);
  } catch (error) {
    store("film-job", null);
    if (!isGone(error)) tell("error", wordsOf(error));
  }
}

async function watch(own: string, job: string): Promise<void> {
  const here = (): boolean => filmJob.value?.facts.id === job;
  const progress = (facts: JobFacts): void => {
    if (here()) filmJob.value = { film: own, facts, picture: filmJob.value?.picture ?? null };
  };
  try {
    await persistently(async () => {
      if (["paused", "interrupted"].includes((await studio.job(job)).status)) await studio.job(job, "resume");
      await studio.wait(job, {
        progress,
        picture: (jpeg) => {
          if (here() && filmJob.value) filmJob.value = { ...filmJob.value, picture: blobUrl("film-job", jpeg) };
        },
      });
    });
    progress(await studio.job(job));
    if (here()) tell("done", t("film.done"));
  } catch (error) {
    if (!here()) return; // it was canceled
    const facts = await studio.job(job).catch(() => null);
    if (facts) progress(facts);
    tell("error", facts?.message || wordsOf(error));
  }
}
