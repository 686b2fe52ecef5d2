// From a recipe to a picture: a draft at once, then a job that develops it in place, until the recipe changes again.
import { effect } from "@preact/signals";
import { checkLogin, isGone, isSuperseded, studio, StudioError, wordsOf } from "./api";
import { completed, put, tell } from "./actions";
import { blobUrl } from "./blobs";
import { persistently } from "./connection";
import { cached, keep } from "./picture_cache";
import { film, playhead } from "./film";
import { asked, DRAFT_SIZE, screenSize } from "./request";
import { exists, follow, giveUp, giveUpOnLeave, hasJobFor, isOnScreen, letGo, screenJob } from "./screen_job";
import { DEFAULTS, isSent, NOTHING, photo, recipe, shown, styles } from "./state";
import type { Finish, Recipe, Shown } from "./state";
import { store, stored } from "./storage";
import { thumbnailOf } from "./thumbnails";

// Until this share of its work, a picture is closer to the tinted photo than to the painting: its coarsest level has
// colors by then, and no strokes. The draft stays meanwhile.
export const DRAFT_UNTIL = 0.3;
const QUIET = 350; // ms without a change before a job is submitted

let aborting = new AbortController(); // of whatever is made for the recipe before
let timer: ReturnType<typeof setTimeout> | undefined;
let drafting = false; // one draft at a time: the newest recipe is painted when it is there
let drafted = ""; // the request of the draft that was shown last
let refined = false; // whether something finer than a draft is shown of the recipe
let style: Recipe["style"] | null = null; // of the picture that is shown
let frame = 0; // of a film: the one that is shown

/** The finish of what is on screen: frames of a film are sketched only. */
const finishOnScreen = (made: Recipe): Finish => (film.value ? "draft" : made.finish);

/** Begin to watch the recipe. */
export function startDeveloping(): void {
  let before = "";
  effect(() => {
    const made = recipe.value;
    if (made.photo === null || photo.value?.facts?.id !== made.photo || !isSent(made)) return;
    // The size of what is saved later changes nothing here.
    const wanted = JSON.stringify({ ...made, size: 0, frame: playhead.value });
    if (wanted === before) return;
    before = wanted;
    queueMicrotask(restart);
  });
  giveUpOnLeave();
  // A page that comes back as it was left paints what was given up.
  addEventListener("pageshow", (event) => event.persisted && restart());
}

/** Paint the recipe again, after a failure. */
export const retry = (): void => restart();

/** Forget what is shown, and stop painting it; for another photo. */
export function clearShown(): void {
  aborting.abort();
  clearTimeout(timer);
  void giveUp();
  drafted = "";
  style = null;
  shown.value = NOTHING;
}

/** The recipe's picture with other settings, if it was finished before; else a draft of it. */
export const glimpseOf = async (made: Recipe): Promise<string> =>
  cached(finishKey(made))?.url ?? (await draftOf(made));

/** The request for a draft of a recipe, as text, by which drafts are kept. */
export const draftKey = (made: Recipe): string => JSON.stringify(asked(made, screenSize(DRAFT_SIZE), "draft"));

/** The request for a finished picture of a recipe at screen size. */
const finishKey = (made: Recipe, finish: Finish = made.finish): string =>
  JSON.stringify(asked(made, screenSize(), finish));

const update = (part: Partial<Shown>): void => {
  shown.value = { ...shown.value, ...part };
};

function restart(): void {
  aborting.abort();
  aborting = new AbortController();
  clearTimeout(timer);
  const made = recipe.value;
  void giveUp(made.finish === "best" ? finishKey(made, "good") : ""); // from which the best one goes on
  const { signal } = aborting;
  if (!isSent(made) || showAgain(made)) return;
  const develops = finishOnScreen(made) !== "draft";
  // What a finer finish has begun to show is no draft: if the draft is all that is wanted, it comes back.
  const shows = shown.value.url !== null && (develops || shown.value.quality === "draft");
  const same = draftKey(made) === drafted && shows;
  refined = false;
  if (frame !== playhead.value) update({ url: null, before: null, quality: "none" });
  frame = playhead.value;
  if (!same) {
    showAtOnce(made);
    void draft();
  }
  update({ phase: !same ? "drafting" : develops ? "developing" : "done", job: null, progress: {}, message: "" });
  if (develops) timer = setTimeout(() => void develop(made, signal), QUIET);
}

/** Show the picture that was finished before, in this tab or before a reload. */
function showAgain(made: Recipe): boolean {
  const { signal } = aborting;
  const found = finishOnScreen(made) === "draft" ? undefined : cached(finishKey(made));
  if (found) {
    drafted = "";
    refined = true;
    update({ phase: "done", url: found.url, before: null, quality: made.finish, job: found.job, progress: {}, message: "" });
    style = made.style;
    return true;
  }
  const last = stored<{ job: string; wanted: string } | null>("finished", null);
  if (film.value || last?.wanted !== finishKey(made) || shown.value.url !== null) return false;
  update({ phase: "drafting" });
  persistently(() => studio.result(last.job, "jpeg")).then(
    (picture) => {
      if (!signal.aborted) finish(made, made.finish, picture, last.job);
    },
    () => {
      store("finished", null);
      if (!signal.aborted) restart();
    },
  );
  return true;
}

/** Until the draft is there: one that was painted before, or the thumbnail of the style. */
function showAtOnce(made: Recipe): void {
  const before = cached(draftKey(made));
  const fits = made.style.length === 1 && made.style !== style && !film.value;
  const thumbnail = fits ? thumbnailOf(made.style[0]?.style ?? "") : undefined;
  if (before) update({ url: before.url, before: null, quality: "draft" });
  else if (thumbnail) update({ url: thumbnail, before: null, quality: "thumbnail" });
  style = made.style;
}

/** A draft of a recipe: the one that was painted before, or a new one. */
export async function draftOf(made: Recipe, signal?: AbortSignal): Promise<string> {
  const key = draftKey(made);
  const before = cached(key);
  if (before) return before.url;
  const { photo: source, style: name, ...wishes } = asked(made, screenSize(DRAFT_SIZE), "draft");
  const picture = await persistently(() =>
    studio.preview(String(source), String(name), wishes, signal ? { signal } : {}),
  );
  return keep(key, picture).url;
}

async function draft(): Promise<void> {
  if (drafting) return;
  drafting = true;
  try {
    for (let made: Recipe | null = null; made !== recipe.value;) {
      made = recipe.value;
      if (!isSent(made)) break; // it is painted once its masks are sent
      const at = playhead.value;
      const url = await draftOf(made).catch((error: unknown) => {
        if (isSuperseded(error)) return null; // by a glimpse of another style
        throw error;
      });
      if (url === null || at !== playhead.value) {
        made = null;
        continue;
      }
      if (refined || made.photo !== recipe.value.photo) continue;
      // While a slider is dragged, drafts of recipes that are past already are shown, too.
      drafted = draftKey(made);
      const done = made === recipe.value && finishOnScreen(made) === "draft";
      update({
        url,
        before: null,
        quality: "draft",
        ...(done ? { phase: "done" } : shown.value.phase === "failed" ? { phase: "drafting" } : {}),
      });
    }
  } catch (error) {
    // A style may be one that only the finish can paint with; if not, its job says so.
    const refused = error instanceof StudioError && error.status < 500;
    if (!refused || finishOnScreen(recipe.value) === "draft") failed(error);
  } finally {
    drafting = false;
  }
}

async function develop(made: Recipe, signal: AbortSignal): Promise<void> {
  try {
    let start: string | null = null; // the job of the finish before
    for (const stage of await stagesOf(made)) {
      const before = cached(finishKey(made, stage));
      if (before?.job && (await exists(before.job))) {
        if (signal.aborted) return;
        refine(before.url, stage, { job: before.job });
        start = before.job;
        continue;
      }
      const job = await screenJob(asked(made, screenSize(), stage), signal, start);
      if (job === null) return;
      await persistently(() => show(job, stage, signal));
      if (signal.aborted) return;
      letGo();
      const picture = await persistently(() => studio.result(job, "jpeg"));
      if (signal.aborted) return;
      finish(made, stage, picture, (start = job));
    }
  } catch (error) {
    if (signal.aborted) return;
    letGo();
    failed(error);
  }
}

/** The finishes that lead to a recipe's own: the best one goes on from the good one, unless it does so already. */
async function stagesOf(made: Recipe): Promise<readonly Finish[]> {
  if (made.finish !== "best") return ["good"];
  return (await hasJobFor(finishKey(made))) ? ["best"] : ["good", "best"];
}

/** Show a job's pictures until it is done. */
async function show(job: string, stage: Finish, signal: AbortSignal): Promise<void> {
  let share = 0;
  update({ phase: "developing", job });
  await follow(job, {
    signal,
    progress: (facts) => {
      if (signal.aborted) return;
      share = facts.progress.share ?? 0;
      update({ progress: facts.progress, message: facts.status });
    },
    picture: (jpeg) => {
      if (signal.aborted || (!refined && share < DRAFT_UNTIL)) return;
      refine(blobUrl("shown", jpeg), stage);
    },
  });
}

/** Show something finer than the draft, which it fades over. */
function refine(url: string, quality: Finish, part: Partial<Shown> = {}): void {
  const { url: there, quality: was, before } = shown.value;
  refined = true;
  update({ url, quality, before: was === "draft" ? there : before, ...part });
}

function finish(made: Recipe, stage: Finish, picture: Blob, job: string): void {
  const last = stage === made.finish;
  const { url } = keep(finishKey(made, stage), picture, job);
  refine(url, stage, { phase: last ? "done" : "developing", job, progress: {}, message: "" });
  style = made.style;
  if (last) store("finished", { job, wanted: finishKey(made) });
}

/** Whether a job is the one whose picture is on the stage, or becomes it. */
export const isOnStage = (job: string): boolean => isOnScreen(job) || job === shown.value.job;

function failed(error: unknown): void {
  checkLogin(error);
  const names = new Set(styles.value.map((one) => one.name));
  const missing = recipe.value.style.some((part) => !part.style.startsWith("@") && !names.has(part.style));
  if (isGone(error) && missing) return put({ ...recipe.value, ...completed({ style: DEFAULTS.style, masks: [] }) });
  clearTimeout(timer);
  update({ phase: "failed", message: wordsOf(error) });
  tell("error", wordsOf(error));
}
