// Faces: which the studio finds in the photo, and the mask of what is protected, found or corrected.
import { effect, signal, untracked } from "@preact/signals";
import type { FaceFacts } from "../../src/brushwork/studio/v1/client.js";
import { change, put, tell } from "./actions";
import { checkLogin, isGone, studio, wordsOf } from "./api";
import { persistently } from "./connection";
import { filled } from "./mask";
import type { Mask } from "./mask";
import { loadMask, maskSize, nameOf, readMask } from "./mask_files";
import type { Editor } from "./mask_tools";
import { panel, photo, recipe } from "./state";
import { store, stored } from "./storage";
import { formatPercent, t } from "./texts";

const USUAL = 0.7; // protection that is taken when faces are seen or painted before a value is chosen
const MOST_SEEN = 100; // photos that are remembered

export const faces = signal<readonly FaceFacts[] | null>(null); // null: not looked for yet
export const correcting = signal(false); // the mask is painted
const mask = signal<readonly Mask[]>([]); // one, or none until it is there

/** Whether the mask has been read, so that it can be painted. */
const maskReady = (): boolean => mask.value.length > 0;

/** Look for faces when the panel is opened, and read their mask when it is corrected. */
export function followFaces(): void {
  let of: string | null = null;
  effect(() => {
    const id = photo.value?.facts?.id ?? null;
    if (id !== of) {
      faces.value = null;
      correcting.value = false;
      mask.value = [];
    }
    of = id;
    if (id !== null && panel.value === "faces" && faces.peek() === null) void find(id);
  });
  effect(() => {
    const facts = photo.value?.facts;
    if (facts?.kind === "picture" && panel.value === "faces" && faces.value?.length)
      untracked(() => protectAtFirst(facts.id));
  });
  effect(() => {
    const { faceMask, photo: id } = recipe.value;
    if (correcting.value && id !== null) void load(id, faceMask);
  });
}

async function find(id: string): Promise<void> {
  try {
    const found = await persistently(() => studio.faces(id));
    if (photo.value?.facts?.id === id) faces.value = found;
  } catch (error) {
    checkLogin(error);
    if (!isGone(error)) tell("error", wordsOf(error));
  }
}

/** Protect the faces of a photo when they are seen for the first time; whoever takes that back is not asked again. */
function protectAtFirst(id: string): void {
  const seen = stored<string[]>("faces-seen", []);
  if (seen.includes(id)) return;
  store("faces-seen", [...seen, id].slice(-MOST_SEEN));
  if (recipe.value.protectFaces > 0) return;
  change({ protectFaces: USUAL });
  const undo = { words: t("undo"), act: () => change({ protectFaces: 0 }) };
  tell("done", t("faces.protected", { share: formatPercent(USUAL) }), "faces", undo);
}

async function load(id: string, corrected: string | null): Promise<void> {
  try {
    const read = corrected ? await loadMask(corrected) : await readMask(await persistently(() => studio.faceMask(id)));
    if (read === null) put({ ...recipe.value, faceMask: null });
    else if (recipe.value.photo === id && recipe.value.faceMask === corrected && mask.value[0] !== read)
      mask.value = [read];
  } catch (error) {
    checkLogin(error);
    if (isGone(error) && corrected) put({ ...recipe.value, faceMask: null });
    else tell("error", wordsOf(error));
  }
}

function commit([painted]: readonly Mask[]): void {
  if (!painted) return;
  mask.value = [painted];
  change({ faceMask: nameOf(painted), protectFaces: recipe.value.protectFaces || USUAL });
}

export const faceEditor: Editor = {
  masks: () => mask.value,
  active: () => 0,
  tints: [[255, 60, 110]], // seldom a color of faces, of leaves or of the sky
  ready: maskReady,
  begin: () => (mask.value.length > 0 ? mask.value : [filled(maskSize(), 0)]),
  show: (masks) => (mask.value = masks),
  commit,
};

/** Protect nothing until something is painted. */
export const clearFaces = (): void => commit([filled(maskSize(), 0)]);

/** Go back to the faces that were found. */
export const forgetCorrection = (): void => change({ faceMask: null });
