// A series: several photos painted alike. The sheet's list, and the job that paints it.
import { batch, signal } from "@preact/signals";
import { checkLogin, isGone, studio, uploadUrl, wordsOf } from "./api";
import { persistently } from "./connection";
import { creation } from "./creation";
import { note, submitJob } from "./queue";
import { asked } from "./request";
import { panel, recipe } from "./state";
import { store, stored } from "./storage";
import { t } from "./texts";

const SCREEN = 1024; // longer side in pixels
const AT_ONCE = 2; // photos that are sent at the same time

export interface BatchPhoto {
  readonly key: number;
  readonly name: string;
  readonly url: string; // of a picture that the browser can show, or ""
  readonly id: string | null; // the upload's; null while it is sent, or if it was refused
  readonly refusal: string; // why it is left out
}

export const photos = signal<readonly BatchPhoto[]>([]);
export const batchSize = signal<"screen" | "own">(stored("batch-size", "own"));
export const batchJob = signal<string | null>(null); // the job that paints the list
export const batchFailure = signal("");

let count = 0;

/** Open the sheet with photos that were dropped or chosen; what is no photo is named and left out. */
export async function addToBatch(files: readonly File[]): Promise<void> {
  const added = files.map((file) => ({
    file,
    photo: { key: ++count, name: file.name, url: URL.createObjectURL(file), id: null, refusal: "" },
  }));
  batch(() => {
    openSheet();
    if (batchJob.value) photos.value = [];
    batchJob.value = null;
    photos.value = [...photos.value, ...added.map((one) => one.photo)];
  });
  const left = [...added];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let next = left.shift(); next; next = left.shift()) await send(next.file, next.photo.key);
    }),
  );
}

async function send(file: File, key: number): Promise<void> {
  try {
    const facts = await studio.upload(await persistently(() => studio.send(file)));
    if (facts.kind === "film") throw new Error(t("error.film"));
    update(key, { id: facts.id, name: facts.name, url: uploadUrl(facts.id, 320) });
  } catch (error) {
    checkLogin(error);
    const reason = wordsOf(error);
    update(key, {
      refusal: reason.startsWith(file.name) ? clauseOf(reason.slice(file.name.length)) : reason,
      url: "",
    });
  }
  keep();
}

/** What is said of a file, as a clause that follows its name: ": is not a picture" becomes "it isn't a picture". */
const clauseOf = (words: string): string =>
  words
    .replace(/^[:\s]+/, "")
    .replace(/^is not /, "it isn't ")
    .replace(/^is /, "it is ");

function update(key: number, part: Partial<BatchPhoto>): void {
  const before = photos.value.find((photo) => photo.key === key);
  if (before?.url.startsWith("blob:") && part.url !== undefined)
    setTimeout(() => URL.revokeObjectURL(before.url), 5000);
  photos.value = photos.value.map((photo) => (photo.key === key ? { ...photo, ...part } : photo));
}

export function leaveOut(key: number): void {
  photos.value = photos.value.filter((photo) => photo.key !== key);
  keep();
}

export function clearBatch(): void {
  batch(() => {
    photos.value = [];
    batchJob.value = null;
    batchFailure.value = "";
  });
  keep();
}

export function setBatchSize(size: "screen" | "own"): void {
  batchSize.value = size;
  store("batch-size", size);
}

/** Paint the list as one job. */
export async function startBatch(): Promise<void> {
  batchFailure.value = "";
  const ids = photos.value.flatMap((photo) => photo.id ?? []);
  const {
    photo: _,
    masks: _masks,
    face_mask: _face,
    ...wishes
  } = asked(recipe.value, batchSize.value === "own" ? 0 : SCREEN);
  try {
    const job = await submitJob("batch", { ...wishes, photos: ids, size: batchSize.value === "own" ? 0 : null });
    photos.value = photos.value.filter((one) => one.id !== null);
    batchJob.value = job.id;
    keep();
  } catch (error) {
    checkLogin(error);
    batchFailure.value = wordsOf(error);
  }
}

/** Open the sheet with photos that are there already; those that are gone are left out. */
export async function continueBatch(ids: readonly string[], job: string | null = null, open = true): Promise<void> {
  const found = await Promise.all(
    ids.map((id) =>
      persistently(() => studio.upload(id)).catch((error: unknown) => {
        if (isGone(error)) return null;
        throw error;
      }),
    ),
  );
  batch(() => {
    photos.value = found.flatMap((facts) =>
      facts ? [{ key: ++count, name: facts.name, url: uploadUrl(facts.id, 320), id: facts.id, refusal: "" }] : [],
    );
    batchJob.value = job;
    if (open) openSheet();
  });
  if (found.length > 0 && photos.value.length === 0) throw new Error(t("wall.gone"));
  keep();
}

function openSheet(): void {
  creation.value = "series";
  panel.value = "create";
}

const keep = (): void => store("batch", { ids: photos.value.flatMap((photo) => photo.id ?? []), job: batchJob.value });

/** After a reload: the list as it was. */
export function restoreBatch(): void {
  const { ids, job } = stored<{ ids: string[]; job: string | null }>("batch", { ids: [], job: null });
  if (ids.length === 0) return;
  continueBatch(ids, job, false).catch(() => {}); // all deleted meanwhile
  if (job) persistently(() => studio.job(job)).then(note, () => (batchJob.value = null));
}
