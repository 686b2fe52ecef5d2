// From a recipe to a picture: a draft at once, then a job that develops it in place, until the recipe changes again.
import { batch, effect } from "@preact/signals";
import { checkLogin, isGone, isSuperseded, studio, wordsOf } from "./api";
import { put, tell } from "./actions";
import { blobUrl } from "./blobs";
import { DEFAULTS, NOTHING, photo, recipe, shown, styles } from "./state";
import type { Recipe, Shown } from "./state";
import { store, stored } from "./storage";

const DRAFT_SIZE = 768; // longer side in pixels
const SCREEN_SIZE = 1024;
const QUIET = 350; // ms without a change before a job is submitted
const DETAIL = 4; // content weight at full detail, and its reciprocal at the least

/** A style as requests name it: "great-wave", or a blend, "great-wave:0.7+@…:0.3". */
export function styleText(parts: Recipe["style"]): string {
  const used = parts.filter((part) => part.weight > 0);
  return used.length === 1 ? (used[0]?.style ?? "") : used.map((part) => `${part.style}:${part.weight.toFixed(3)}`).join("+");
}

/** The request that paints a recipe; a preview's if `draft`. */
export function asked(made: Recipe, size: number, draft = false): Record<string, unknown> {
  const finish = draft ? "draft" : made.finish;
  const settings: Record<string, unknown> = { strength: made.strength, style_scale: made.strokeSize };
  if (finish !== "draft") {
    // Detail is how much the photo's features weigh against the painting's statistics, which the draft can't change.
    settings["content_weight"] = DETAIL ** made.detail;
    settings["seed"] = made.seed;
    Object.assign(settings, made.advanced);
  }
  const keeps = made.colors === "photo";
  return {
    photo: made.photo,
    style: styleText(made.style),
    preset: finish,
    settings,
    size,
    keep_color: keeps ? made.colorWay : null,
    keep_color_when: keeps && made.colorWhen ? made.colorWhen : null,
    masks: made.masks,
    protect_faces: made.protectFaces,
  };
}

/** The longer side of what is painted for the screen: never larger than the photo. */
export function screenSize(most = SCREEN_SIZE): number {
  const facts = photo.value?.facts;
  return facts ? Math.max(64, Math.min(most, Math.max(facts.width, facts.height))) : most;
}

let aborting = new AbortController(); // of whatever is made for the recipe before
let timer: ReturnType<typeof setTimeout> | undefined;
let drafting = false; // one draft at a time: the newest recipe is painted when it is there
let drafted = ""; // what the shown draft was asked with
let running: string | null = null; // the job that develops the picture

/** Begin to watch the recipe. */
export function startDeveloping(): void {
  let before = "";
  effect(() => {
    const made = recipe.value;
    if (made.photo === null || photo.value?.facts?.id !== made.photo) return;
    const wanted = JSON.stringify({ ...made, size: 0 }); // the size of what is saved later changes nothing here
    if (wanted === before) return;
    before = wanted;
    queueMicrotask(restart);
  });
}

/** Paint the recipe again, after a failure. */
export const retry = (): void => restart();

function restart(): void {
  aborting.abort();
  aborting = new AbortController();
  clearTimeout(timer);
  giveUp();
  const made = recipe.value;
  if (finishedBefore(made)) return;
  const same = JSON.stringify(asked(made, 0, true)) === drafted && shown.value.url !== null;
  batch(() => update({ phase: same && made.finish !== "draft" ? "developing" : "drafting", progress: {}, message: "" }));
  if (!same) void draft();
  if (made.finish !== "draft") timer = setTimeout(() => void develop(made, aborting.signal), QUIET);
  else if (same) update({ phase: "done" });
}

const update = (part: Partial<Shown>): void => {
  shown.value = { ...shown.value, ...part };
};

async function draft(): Promise<void> {
  if (drafting) return;
  drafting = true;
  try {
    for (let done = false; !done; ) {
      const made = recipe.value;
      const { photo: source, style, ...wishes } = asked(made, screenSize(DRAFT_SIZE), true);
      const { signal } = aborting;
      const picture = await studio.preview(String(source), String(style), wishes);
      done = made === recipe.value;
      if (done && !signal.aborted) {
        drafted = JSON.stringify(asked(made, 0, true));
        const phase = made.finish === "draft" ? "done" : "developing";
        if (shown.value.phase === "drafting") update({ phase, url: blobUrl("shown", picture), quality: "draft" });
      }
    }
  } catch (error) {
    if (!isSuperseded(error)) failed(error);
  } finally {
    drafting = false;
  }
}

async function develop(made: Recipe, signal: AbortSignal): Promise<void> {
  try {
    const stages: Recipe["finish"][] = made.finish === "best" ? ["good", "best"] : ["good"];
    for (const finish of stages) {
      const job = await studio.submit("picture", asked({ ...made, finish }, screenSize()));
      if (signal.aborted) return void studio.discard(job.id).catch(() => {});
      running = job.id;
      await watch(job.id, finish, signal);
      if (signal.aborted) return;
      running = null;
      const picture = await studio.result(job.id, "jpeg");
      if (signal.aborted) return;
      const last = finish === made.finish;
      update({ phase: last ? "done" : "developing", url: blobUrl("shown", picture), quality: finish, job: job.id, progress: {} });
      if (last) store("finished", { job: job.id, wanted: keyOf(made) });
    }
  } catch (error) {
    if (!signal.aborted && !isSuperseded(error)) failed(error);
  }
}

async function watch(job: string, finish: Recipe["finish"], signal: AbortSignal): Promise<void> {
  update({ phase: "developing", job });
  await studio.wait(job, {
    signal,
    progress: (facts) => update({ progress: facts.progress }),
    picture: (jpeg) => update({ url: blobUrl("shown", jpeg), quality: finish }),
  });
}

/** Cancel and delete the job that has not finished, so that the history holds finished pictures only. */
function giveUp(): void {
  const job = running;
  running = null;
  if (job !== null) void studio.discard(job).catch(() => {});
}

const keyOf = (made: Recipe): string => JSON.stringify(asked(made, screenSize()));

/** After a reload: show the finished picture again, if it is of this recipe and still there. */
function finishedBefore(made: Recipe): boolean {
  const kept = stored<{ job: string; wanted: string } | null>("finished", null);
  if (kept === null || kept.wanted !== keyOf(made) || shown.value.url !== null) return false;
  const { signal } = aborting;
  update({ phase: "drafting" });
  studio.result(kept.job, "jpeg").then(
    (picture) => {
      if (!signal.aborted) update({ phase: "done", url: blobUrl("shown", picture), quality: made.finish, job: kept.job });
    },
    () => {
      store("finished", null);
      if (!signal.aborted) restart();
    },
  );
  return true;
}

function failed(error: unknown): void {
  checkLogin(error);
  const missing = recipe.value.style.some((part) => !part.style.startsWith("@") && !styles.value.some((s) => s.name === part.style));
  if (isGone(error) && missing) return put({ ...recipe.value, style: DEFAULTS.style, masks: [] });
  update({ phase: "failed", message: wordsOf(error) });
  tell("error", wordsOf(error));
}

/** Forget what is shown; for another photo. */
export const clearShown = (): void => {
  drafted = "";
  shown.value = NOTHING;
};
