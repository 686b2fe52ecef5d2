// A film is previewed, two seconds at a time, and made, by a job that goes on after a reload.
import { batch, computed, effect, signal } from "@preact/signals";
import type { JobFacts } from "../../src/brushwork/studio/v1/client.js";
import { tell } from "./actions";
import { checkLogin, isSuperseded, studio, wordsOf } from "./api";
import { blobUrl } from "./blobs";
import { persistently } from "./connection";
import { film, playhead, playing, playTime, secondsOf } from "./film";
import { heldKeyframes, lookAt } from "./film_look";
import { askedOf, finishOf } from "./job_words";
import type { Asked } from "./job_words";
import { hasEnded, jobs, note, submitJob } from "./queue";
import { filmRecipeOf } from "./remake";
import { pictureSettings, styleText } from "./request";
import { recipe } from "./state";
import type { Finish, Recipe } from "./state";
import { friendly } from "./time_left";

const CLIP_SECONDS = 2;
const USUAL_SIZE = 1024; // longer side in pixels
const LATEST = 50; // films that are known

export const clipWaiting = signal(false);
/** Films, the newest first. */
const films = computed<readonly JobFacts[]>(() =>
  [...jobs.value.values()]
    .filter((job) => job.kind === "video" && job.status !== "canceled")
    .sort((a, b) => b.made - a.made),
);

/** The newest job that makes the film that is open, or has made it, whoever has submitted it; null: there is none. */
export const filmJob = computed<JobFacts | null>(
  () => films.value.find((job) => askedOf(job)["film"] === film.value?.id) ?? null,
);

/** Seconds that the film takes, by the newest one that was made with the same finish; null: none was. */
export const estimate = computed<number | null>(() => {
  const like = films.value.find((job) => job.status === "done" && finishOf(askedOf(job)) === recipe.value.finish);
  const { seconds, steps } = like?.progress ?? {};
  const size = like && askedOf(like)["size"];
  if (!film.value || !seconds || !steps || typeof size !== "number") return null;
  return friendly((seconds / steps) * film.value.frames * (filmSize(recipe.value) / size) ** 2);
});

/** Whether the open film was made by other settings than those of now. */
export const isOlder = (job: JobFacts): boolean =>
  comparable(askedOf(job)) !== comparable(wholeAsked(recipe.value));

/** A request as text, whether or not the studio has completed it with the settings of its preset. */
function comparable(request: Asked): string {
  const { settings, ...others } = wholeAsked(filmRecipeOf(request, film.value?.rate ?? 1));
  return JSON.stringify([others, Object.entries(settings as object).sort()]);
}

/** The longer side of the film that is made, in pixels. */
export function filmSize(made: Recipe): number {
  const own = film.value ? Math.max(film.value.width, film.value.height) : USUAL_SIZE;
  return made.filmSize === null ? Math.min(own, USUAL_SIZE) : Math.min(own, made.filmSize || own);
}

/** The request for a film, or for a clip of it, which has no size. */
function filmAsked(wanted: Recipe, finish: Finish = wanted.finish): Record<string, unknown> {
  const made = { ...wanted, ...lookAt(wanted, 0) }; // whatever is at the playhead
  const pictures = made.paintedFrames.map((one) => one.picture).filter((picture) => picture !== null);
  const all = pictures.length > 0 && pictures.length === made.paintedFrames.length;
  const own = all && made.keyframes.length === 0; // then what they don't show is in their style, too
  return {
    kind: "video",
    film: made.photo,
    style: own ? `@${pictures[0]}` : styleText(made.style),
    preset: finish,
    settings: pictureSettings(made, finish),
    smoothing: made.steadiness,
    keep_color: made.colors === "photo" ? "luminance" : null,
    keyframes: heldKeyframes(made.keyframes).map((key) => ({
      seconds: key.seconds,
      style: styleText(key.style),
      strength: key.strength,
    })),
    painted: made.paintedFrames,
  };
}

/** The request for the whole film. */
const wholeAsked = (made: Recipe): Record<string, unknown> => ({ ...filmAsked(made), size: filmSize(made) });

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
  const job = filmJob.value;
  if (!job?.result) return;
  playTime.value = 0;
  playing.value = { kind: "film", url: resultUrl(job.id, true), start: 0 };
}

export const isMaking = (): boolean => filmJob.value !== null && !hasEnded(filmJob.value);

/** Make the film. */
export async function makeFilm(): Promise<void> {
  if (!film.value || isMaking()) return;
  playing.value = null;
  try {
    await submitJob("video", wholeAsked(recipe.value));
  } catch (error) {
    checkLogin(error);
    tell("error", wordsOf(error));
  }
}

/** Know the latest films: what was made of the one that is open before the page was, and how long films take. */
export function followFilmJobs(): void {
  effect(() => {
    if (film.value) void findFilmJobs();
  });
}

async function findFilmJobs(): Promise<void> {
  try {
    const { items } = await persistently(() => studio.jobPage({ kind: "video", limit: LATEST }));
    batch(() => items.filter((job) => !jobs.peek().has(job.id)).forEach(note));
  } catch (error) {
    console.warn(error); // the film can be made all the same
  }
}
