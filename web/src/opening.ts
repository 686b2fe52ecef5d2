// Photos and paintings: from a file to an upload.
import { batch, effect } from "@preact/signals";
import type { UploadFacts } from "../../src/brushwork/studio/v1/client.js";
import { checkLogin, isGone, studio, uploadUrl, wordsOf } from "./api";
import { change, chooseStyle, put, resetView, tell } from "./actions";
import { blobUrl } from "./blobs";
import { persistently } from "./connection";
import { clearShown, retry } from "./develop";
import { frameUrl } from "./film";
import { getPending, setPending } from "./pending_upload";
import { glimpse, NOTHING, photo, recipe, shown, styles } from "./state";
import { t } from "./texts";

const LARGE = 24e6; // pixels
const NAME = 40; // letters of a style's name, at most

let opening = 0; // counts, so that of two photos the one opened last is shown

/** Show a photo at once, send it, and paint it. A file that is no photo is named, and changes nothing. */
export function openPhoto(file: File): Promise<void> {
  return open(file, crypto.getRandomValues(new Uint32Array(4)).join("-"));
}

/** Begin an upload again that a reload has broken off. */
export async function resumeUpload(): Promise<void> {
  const pending = await getPending();
  if (pending) await open(pending.file, pending.key);
}

async function open(file: File, key: string): Promise<void> {
  const number = ++opening;
  const before = { photo: photo.value, shown: shown.value };
  const url = URL.createObjectURL(file);
  const size = await sizeOf(url);
  batch(() => {
    resetView();
    clearShown();
    glimpse.value = null;
    shown.value = { ...NOTHING, phase: "sending" };
    photo.value = {
      name: file.name,
      url: size ? blobUrl("photo", file) : "",
      width: size?.width ?? 4,
      height: size?.height ?? 3,
      facts: null,
    };
  });
  URL.revokeObjectURL(url);
  focusPicture();
  try {
    await setPending({ file, key });
    const facts = await studio.upload(await persistently(() => studio.send(file, file.name, { key })));
    await setPending(null);
    if (number !== opening) return;
    batch(() => {
      photo.value = {
        name: facts.name,
        url: size && !isLarge(facts) ? (photo.value?.url ?? "") : shownUrl(facts),
        width: facts.width,
        height: facts.height,
        facts,
      };
      const next = { photo: facts.id, masks: [], faceMask: null, keyframes: [], paintedFrames: [] };
      // The strength at a film's playhead says nothing about a photo.
      const afterFilm = before.photo?.facts?.kind === "film" && facts.kind !== "film";
      change(afterFilm ? { ...next, strength: 1 } : next);
    });
  } catch (error) {
    await setPending(null);
    checkLogin(error);
    if (number === opening) {
      batch(() => {
        // its local picture is gone with the one that took its place
        const facts = before.photo?.facts;
        photo.value = before.photo && facts ? { ...before.photo, url: shownUrl(facts) } : null;
        shown.value = before.shown;
      });
      if (photo.value) retry(); // what opening has stopped
    }
    tell("error", refusal(file.name, error));
  }
}

/** Give the keyboard the picture, if what had the focus is gone. */
function focusPicture(): void {
  requestAnimationFrame(() => {
    if (document.activeElement === document.body)
      document.querySelector<HTMLElement>(".frame")?.focus({ preventScroll: true });
  });
}

/** Whether a photo is shown in tiles rather than as a whole, which would take hundreds of megabytes of memory. */
const isLarge = ({ width, height }: UploadFacts): boolean => width * height > LARGE;

/** The address of what is shown of an upload. */
const shownUrl = (facts: UploadFacts): string => (facts.kind === "film" ? frameUrl(facts.id, 0) : uploadUrl(facts.id));

/** Send a painting, add it to the library, and paint in its style. */
export async function openPainting(file: File): Promise<void> {
  try {
    const picture = await persistently(() => studio.send(file));
    const title = file.name.replace(/\.\w+$/, "").replace(/[_-]+/g, " ");
    const style = await persistently(() => studio.addStyle({ picture, name: freeName(title), title }));
    styles.value = [...styles.value, style];
    chooseStyle(style.name);
    tell("done", t("notice.painting", { name: title }));
  } catch (error) {
    checkLogin(error);
    tell("error", refusal(file.name, error));
  }
}

/** Remove a painting of the user's own. */
export async function removePainting(name: string): Promise<void> {
  try {
    await studio.removeStyle(name);
  } catch (error) {
    checkLogin(error);
    if (!isGone(error)) return tell("error", wordsOf(error));
  }
  styles.value = styles.value.filter((style) => style.name !== name);
}

/** A name for a style that none has yet: letters, digits and hyphens. */
function freeName(title: string): string {
  const stem =
    title
      .replace(/[^\p{L}\p{N}]+/gu, "-")
      .replace(/^-+|-+$/g, "")
      .toLowerCase()
      .slice(0, NAME - 4) || "painting";
  const taken = new Set(styles.value.map((style) => style.name));
  let name = stem;
  for (let number = 2; taken.has(name); number += 1) name = `${stem}-${number}`;
  return name;
}

/** Why a file was not taken, with its name once. */
function refusal(name: string, error: unknown): string {
  const reason = wordsOf(error);
  return reason.startsWith(name) ? reason : t("error.file", { name, reason });
}

/** Open one of the photos that the studio brings along. */
export async function openSample(name: string): Promise<void> {
  try {
    const answer = await fetch(`samples/${name}.png`);
    if (!answer.ok) throw new Error(String(answer.status));
    await openPhoto(new File([await answer.blob()], `${name}.png`, { type: "image/png" }));
  } catch (error) {
    tell("error", refusal(name, error));
  }
}

/** Show the recipe's photo, also after a reload or undo; drop it quietly if it is gone. */
export function followPhoto(): void {
  effect(() => {
    const id = recipe.value.photo;
    const there = photo.peek();
    if (id === null ? there?.facts : id !== there?.facts?.id) void restore(id);
  });
}

async function restore(id: string | null): Promise<void> {
  if (id === null) {
    photo.value = null;
    return clearShown();
  }
  try {
    const facts = await persistently(() => studio.upload(id));
    if (recipe.value.photo !== id || (photo.value && !photo.value.facts)) return;
    batch(() => {
      clearShown();
      photo.value = { name: facts.name, url: shownUrl(facts), width: facts.width, height: facts.height, facts };
    });
  } catch (error) {
    checkLogin(error);
    const nothing = { photo: null, masks: [], faceMask: null, keyframes: [], paintedFrames: [] };
    if (isGone(error)) put({ ...recipe.value, ...nothing });
    else tell("error", wordsOf(error));
  }
}

/** A picture's size, or null if the browser can't show it: HEIC and TIFF are shown once the studio has read them. */
function sizeOf(url: string): Promise<{ width: number; height: number } | null> {
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve({ width: image.naturalWidth, height: image.naturalHeight });
    image.onerror = () => resolve(null);
    image.src = url;
  });
}
