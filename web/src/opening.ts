// Photos and paintings: from a file to an upload.
import { batch, effect } from "@preact/signals";
import { checkLogin, isGone, studio, uploadUrl, wordsOf } from "./api";
import { change, chooseStyle, put, resetView, tell } from "./actions";
import { blobUrl } from "./blobs";
import { clearShown } from "./develop";
import { NOTHING, photo, recipe, shown, styles } from "./state";
import { t } from "./texts";

/** Show a photo at once, send it, and paint it. A file that is no picture is named, and changes nothing. */
export async function openPhoto(file: File): Promise<void> {
  const before = { photo: photo.value, shown: shown.value };
  const url = blobUrl("photo", file);
  const size = await sizeOf(url);
  batch(() => {
    resetView();
    shown.value = { ...NOTHING, phase: "sending" };
    photo.value = { name: file.name, url: size ? url : "", width: size?.width ?? 4, height: size?.height ?? 3, facts: null };
  });
  try {
    const facts = await studio.upload(await studio.send(file));
    if (facts.kind === "film") throw new Error(t("error.film", { name: file.name }));
    batch(() => {
      photo.value = { name: facts.name, url: size ? url : uploadUrl(facts.id), width: facts.width, height: facts.height, facts };
      change({ photo: facts.id, masks: [], faceMask: null });
    });
  } catch (error) {
    checkLogin(error);
    batch(() => {
      photo.value = before.photo;
      shown.value = before.shown;
    });
    tell("error", t("error.file", { name: file.name, reason: wordsOf(error) }));
  }
}

/** Send a painting and paint in its style. */
export async function openPainting(file: File): Promise<void> {
  try {
    const id = await studio.send(file);
    const stem = file.name.replace(/\.\w+$/, "").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "").slice(0, 40);
    const taken = new Set(styles.value.map((style) => style.name));
    let name = stem || "painting";
    for (let number = 2; taken.has(name); number += 1) name = `${stem || "painting"}-${number}`;
    const style = await studio.addStyle({ picture: id, name, title: file.name.replace(/\.\w+$/, "") });
    styles.value = [...styles.value, style];
    chooseStyle(style.name);
    tell("done", t("notice.painting", { name: style.title || style.name }));
  } catch (error) {
    checkLogin(error);
    tell("error", t("error.file", { name: file.name, reason: wordsOf(error) }));
  }
}

/** Open one of the photos that the studio brings along. */
export async function openSample(name: string): Promise<void> {
  try {
    const answer = await fetch(`samples/${name}.png`);
    if (!answer.ok) throw new Error(String(answer.status));
    await openPhoto(new File([await answer.blob()], `${name}.png`, { type: "image/png" }));
  } catch (error) {
    tell("error", t("error.file", { name, reason: wordsOf(error) }));
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
    const facts = await studio.upload(id);
    if (recipe.value.photo !== id) return;
    batch(() => {
      clearShown();
      photo.value = { name: facts.name, url: uploadUrl(id), width: facts.width, height: facts.height, facts };
    });
  } catch (error) {
    checkLogin(error);
    if (isGone(error)) put({ ...recipe.value, photo: null, masks: [], faceMask: null });
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
