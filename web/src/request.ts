// Recipes as requests to the studio.
import { isMasked, regionsOf } from "./choosing";
import { film, playhead, secondsOf } from "./film";
import { lookAt } from "./film_look";
import { photo } from "./state";
import type { Finish, Recipe } from "./state";

export const DRAFT_SIZE = 768; // longer side in pixels
const SCREEN_SIZE = 1024;
export const DETAIL = 4; // what the weight of the photo is multiplied by at full detail, and divided by at the least

/** A style as requests name it: "great-wave", or a blend, "great-wave:0.7+@…:0.3". */
export function styleText(parts: Recipe["style"]): string {
  const used = usedOf(parts);
  return used.length === 1
    ? (used[0]?.style ?? "")
    : used.map((part) => `${part.style}:${part.weight.toFixed(3)}`).join("+");
}

const usedOf = (parts: Recipe["style"]): Recipe["style"] => parts.filter((part) => part.weight > 0);

/** Style and masks as requests name them: parts of a blend share their region's mask. */
function styleAndMasks(made: Recipe): { style: string; masks: readonly string[] } {
  if (!isMasked(made)) return { style: styleText(made.style), masks: [] };
  const regions = regionsOf(made);
  return {
    style: regions.map(styleText).join("+"),
    masks: regions.flatMap((parts, at) => usedOf(parts).map(() => made.masks[at] ?? "")),
  };
}

/** Settings of the finish's method. */
export function pictureSettings(made: Recipe, finish: Finish): Record<string, unknown> {
  const settings: Record<string, unknown> = { strength: made.strength, style_scale: made.strokeSize };
  if (finish !== "draft") {
    // How much the photo's features weigh against the painting's statistics, relative to the preset; a draft has no such
    // weight. The presets' own is 1.
    settings["content_weight"] = DETAIL ** made.detail;
    settings["seed"] = made.seed;
    Object.assign(settings, made.advanced);
  }
  return settings;
}

/** The request that paints a recipe, with its own finish or another one; of a film, the frame at the playhead. */
export function asked(recipe: Recipe, size: number, finish = recipe.finish): Record<string, unknown> {
  const made = film.value ? { ...recipe, ...lookAt(recipe, secondsOf(playhead.value)) } : recipe;
  const keeps = made.colors === "photo";
  return {
    photo: made.photo,
    ...styleAndMasks(made),
    preset: finish,
    settings: pictureSettings(made, finish),
    size,
    keep_color: keeps ? made.colorWay : null,
    keep_color_when: keeps && made.colorWhen ? made.colorWhen : null,
    protect_faces: made.protectFaces,
    face_mask: made.protectFaces > 0 ? made.faceMask : null,
    ...(film.value ? { frame: playhead.value } : {}),
  };
}

/** The longer side of what is painted for the screen: never larger than the photo. */
export function screenSize(most = SCREEN_SIZE): number {
  const facts = photo.value?.facts;
  return facts ? Math.max(64, Math.min(most, Math.max(facts.width, facts.height))) : most;
}
