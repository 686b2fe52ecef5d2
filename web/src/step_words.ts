// What a step of undo or redo changes, in words.
import { recipe } from "./state";
import type { Recipe } from "./state";
import { language, t } from "./texts";
import type { TextKey } from "./texts";

// By importance: a style that is chosen may take the masks along.
const WORDS: readonly [keyof Recipe, TextKey][] = [
  ["photo", "step.photo"],
  ["faceMask", "faces.title"],
  ["style", "step.style"],
  ["masks", "masks.title"],
  ["strength", "strength"],
  ["strokeSize", "stroke"],
  ["colors", "colors"],
  ["colorWay", "colors"],
  ["colorWhen", "colors"],
  ["detail", "detail"],
  ["finish", "finish"],
  ["size", "size"],
  ["seed", "seed"],
  ["protectFaces", "faces.protect"],
  ["advanced", "advanced"],
  ["keyframes", "film.keyframes"],
  ["paintedFrames", "film.painted"],
  ["steadiness", "film.steadiness"],
  ["filmSize", "film.size"],
];

/** "Undo: strength", if the step leads to this recipe; "Undo" if there is none. */
export function stepWords(step: "undo" | "redo", to: Recipe | undefined): string {
  const changed = to && WORDS.find(([name]) => isOther(to[name], recipe.value[name]));
  return changed ? t("step", { step: t(step), what: lowered(t(changed[1])) }) : t(step);
}

const isOther = (one: unknown, other: unknown): boolean => JSON.stringify(one) !== JSON.stringify(other);

/** Within a line; German nouns keep their capitals. */
const lowered = (words: string): string => (language.value === "en" ? words.toLowerCase() : words);
