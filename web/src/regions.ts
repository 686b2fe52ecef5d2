// Regions: a mask for each style. Each stroke is a change of the recipe, which names the masks' uploads.
import { effect, signal } from "@preact/signals";
import { change, put, tell } from "./actions";
import { checkLogin, isGone, wordsOf } from "./api";
import { activeRegion, isMasked, MOST_PARTS, region, regionsOf, withRegions } from "./choosing";
import { filled, inverted, isEmpty, replaced } from "./mask";
import type { Mask } from "./mask";
import { loadMask, maskSize, nameOf } from "./mask_files";
import type { Editor } from "./mask_tools";
import { DEFAULTS, photo, recipe } from "./state";

export const regions = signal<readonly Mask[]>([]); // as they are drawn; none: no region is painted yet

export const TINTS = [
  [242, 140, 60],
  [70, 150, 255],
  [60, 200, 110],
  [230, 90, 200],
] as const;

let drawn: readonly Mask[] = []; // the recipe's masks, without a stroke that goes on

/** Read the recipe's masks: after a reload, undo or redo. */
export function followRegions(): void {
  effect(() => {
    const { masks } = recipe.value;
    if (photo.value?.facts?.id !== recipe.value.photo) return;
    void load(isMasked(recipe.value) ? masks : []);
  });
}

async function load(names: readonly string[]): Promise<void> {
  try {
    const read = await Promise.all(names.map(loadMask));
    if (recipe.value.masks.join() !== names.join() && names.length > 0) return;
    if (read.includes(null)) return put({ ...recipe.value, masks: [] });
    if (read.length === drawn.length && read.every((mask, at) => mask === drawn[at])) return;
    drawn = read as readonly Mask[];
    regions.value = drawn;
  } catch (error) {
    checkLogin(error);
    if (isGone(error)) put({ ...recipe.value, masks: [] });
    else tell("error", wordsOf(error));
  }
}

/** Whether the recipe's masks have been read. */
const ready = (): boolean => !isMasked(recipe.value) || regions.value.length === recipe.value.masks.length;

/** The masks that are changed: those that are drawn, or if there are none yet, what a stroke begins with. */
function begun(erases: boolean): readonly Mask[] {
  if (regions.value.length > 0) return regions.value;
  return [filled(maskSize(), erases ? 255 : 0)]; // a style that was everywhere is so until it is erased
}

/** Take masks over into the recipe, if need be with other styles. Without any painted region, there are no masks. */
function commit(masks: readonly Mask[], styles = regionsOf(recipe.value)): void {
  const isEverywhere = masks.every(isEmpty); // the style of the first region
  const names = isEverywhere ? [] : masks.map(nameOf);
  drawn = names.length > 0 ? [...masks] : []; // another list, even if it was drawn in: its outlines are others
  regions.value = drawn;
  change({ masks: names, ...withRegions(isEverywhere ? styles.slice(0, 1) : styles) });
}

export const regionEditor: Editor = {
  masks: () => regions.value,
  active: activeRegion,
  tints: TINTS,
  ready,
  begin: begun,
  show: (masks) => (regions.value = masks),
  commit,
};

/** Paint all of the picture with the active region. */
export const fillRegion = (): void => commit(replaced(begun(false), activeRegion(), filled(maskSize(), 255)));

/** Take the active region away. */
export const clearRegion = (): void => commit(replaced(begun(true), activeRegion(), filled(maskSize(), 0)));

/** Paint what the active region leaves out, and nothing else. */
export function invertRegion(): void {
  const masks = begun(true);
  const mask = masks[activeRegion()];
  if (mask) commit(replaced(masks, activeRegion(), inverted(mask)));
}

/** Add an empty region with the chosen style; what was everywhere, a style or a blend, becomes the first region. */
export function addRegion(): void {
  const parts = regionsOf(recipe.value);
  if (recipe.value.style.length >= MOST_PARTS) return;
  const style = parts[activeRegion()]?.at(-1)?.style ?? DEFAULTS.style[0]?.style ?? "";
  const masks = regions.value.length > 0 ? regions.value : [filled(maskSize(), 255)];
  region.value = parts.length;
  commit([...masks, filled(maskSize(), 0)], [...parts, [{ style, weight: 1 }]]);
}

/** Remove a region; what it covered becomes the photo. */
export function removeRegion(at: number): void {
  const others = regionsOf(recipe.value).filter((_, place) => place !== at);
  region.value = Math.max(0, Math.min(region.value, others.length - 1));
  commit(
    regions.value.filter((_, place) => place !== at),
    others,
  );
}
