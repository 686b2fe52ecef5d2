// What choosing a style in the strip changes: the whole style, a corner of the blend, or the style of a region.
import { signal } from "@preact/signals";
import { panel, recipe } from "./state";
import type { Recipe, StylePart } from "./state";

export const MOST_PARTS = 4; // styles in a blend or with masks, as the API allows

export const corner = signal<number | null>(null); // of the blend pad, that takes the next style; null: the first free one
export const region = signal(0); // that is painted, and takes the next style

/** Whether masks decide where each style goes: one for each region, of which the first may have a blend. */
export const isMasked = ({ masks, style, blended }: Recipe): boolean =>
  masks.length > 0 && masks.length === style.length - blended + 1;

/** The parts of the style in each region; without masks, one region has all of them. */
export function regionsOf(made: Recipe): readonly (readonly StylePart[])[] {
  const first = isMasked(made) ? made.blended : made.style.length;
  return [made.style.slice(0, first), ...made.style.slice(first).map((part) => [part])];
}

/** The recipe's changes for other parts of the style in its regions. */
export const withRegions = (parts: readonly (readonly StylePart[])[]): Pick<Recipe, "style" | "blended"> => ({
  style: parts.flat(),
  blended: parts[0]?.length ?? 1,
});

/** The region that is painted; regions may have become fewer by undo. */
export const activeRegion = (): number => Math.min(region.value, regionsOf(recipe.value).length - 1);

/** The recipe's changes if a style is chosen. */
export function withStyle(style: string): Partial<Recipe> {
  const made = recipe.value;
  if (isMasked(made) || panel.value === "masks")
    return withRegions(regionsOf(made).map((parts, at) => (at === activeRegion() ? [{ style, weight: 1 }] : parts)));
  if (panel.value === "blend") return { style: inCorner(made.style, style) };
  return { style: [{ style, weight: 1 }], masks: [] };
}

/** A blend with a style in a corner, by default the chosen one; a style more takes an equal share. None twice. */
export function inCorner(
  parts: readonly StylePart[],
  style: string,
  at = corner.value ?? parts.length,
): readonly StylePart[] {
  if (parts.some((part) => part.style === style)) return parts;
  if (at < parts.length || parts.length === MOST_PARTS) return replaced(parts, Math.min(at, MOST_PARTS - 1), style);
  return even([...parts, { style, weight: 1 }]);
}

/** The same styles with equal shares. */
export const even = (parts: readonly StylePart[]): readonly StylePart[] =>
  parts.map(({ style }) => ({ style, weight: 1 / parts.length }));

const replaced = (parts: readonly StylePart[], at: number, style: string): readonly StylePart[] =>
  parts.map((part, place) => (place === at ? { ...part, style } : part));
