// The blend pad: a place in a square stands for the weights of up to four styles in its corners.
import { change, togglePanel } from "./actions";
import { corner, even, inCorner, isMasked, MOST_PARTS } from "./choosing";
import { panel, recipe } from "./state";
import type { StylePart } from "./state";

export interface Place {
  readonly x: number; // 0: left, 1: right
  readonly y: number; // 0: top, 1: bottom
}

// Corners are filled in this order: top left, top right, bottom left, bottom right.
const EDGE = 1e-3; // weights are bilinear, divided by their sum, which must not be 0 in a corner without a style

/** Weights of the first styles at a place; they sum to 1. */
export function weightsAt({ x, y }: Place, count: number): number[] {
  const [right, down] = [x, y].map((value) => Math.min(1 - EDGE, Math.max(EDGE, value))) as [number, number];
  const shares = [(1 - right) * (1 - down), right * (1 - down), (1 - right) * down, right * down].slice(0, count);
  return shortened(shares);
}

/** Shares in percent that sum to 100, as weights. */
function shortened(shares: readonly number[]): number[] {
  const sum = shares.reduce((all, share) => all + share, 0);
  const rounded = shares.map((share) => Math.round((100 * share) / sum));
  const largest = rounded.indexOf(Math.max(...rounded));
  rounded[largest] = (rounded[largest] ?? 0) + 100 - rounded.reduce((all, share) => all + share, 0);
  return rounded.map((share) => share / 100);
}

/** The place that stands for weights. */
export function placeOf(parts: readonly StylePart[]): Place {
  const [topLeft = 0, topRight = 0, bottomLeft = 0, bottomRight = 0] = parts.map((part) => part.weight);
  const share = (one: number, other: number): number => (one + other > 0 ? one / (one + other) : 0);
  if (parts.length < 2) return { x: 0, y: 0 };
  if (parts.length === 2) return { x: share(topRight, topLeft), y: 0.5 };
  if (parts.length === 4)
    return {
      x: share(topRight + bottomRight, topLeft + bottomLeft),
      y: share(bottomLeft + bottomRight, topLeft + topRight),
    };
  if (topLeft === 0 && topRight > 0 && bottomLeft > 0) return { x: 1, y: 1 };
  return { x: share(topRight, topLeft), y: share(bottomLeft, topLeft) };
}

/** Mix the styles as at a place; two styles lie side by side, so that only left and right count. */
export function mixAt({ x, y }: Place): void {
  const parts = recipe.value.style;
  const within = (value: number): number => Math.min(1, Math.max(0, value));
  const weights = weightsAt({ x: within(x), y: parts.length === 2 ? 0.5 : within(y) }, parts.length);
  change({ style: parts.map((part, at) => ({ ...part, weight: weights[at] ?? 0 })) }, "blend");
}

/** Put a style into a free corner, or another one, and show the pad. */
export function addToBlend(style: string, at?: number): void {
  change(
    isMasked(recipe.value)
      ? { style: inCorner(recipe.value.style, style, at), masks: [] }
      : { style: inCorner(recipe.value.style, style, at) },
  );
  corner.value = null;
  if (panel.value !== "blend") togglePanel("blend");
}

/** Take a style out of the blend; the others keep their proportions. */
export function removeFromBlend(at: number): void {
  const left = recipe.value.style.filter((_, place) => place !== at);
  const sum = left.reduce((all, part) => all + part.weight, 0);
  change({ style: sum > 0 ? left.map((part) => ({ ...part, weight: part.weight / sum })) : even(left) });
  corner.value = null;
}

/** Let go of the regions: their styles are mixed in the whole picture, each region's in the same share. */
export function mixRegions(): void {
  const parts = recipe.value.style;
  const sum = parts.reduce((all, part) => all + part.weight, 0);
  change({ style: parts.map((part) => ({ ...part, weight: part.weight / sum })), masks: [] });
}

export const isFull = (): boolean => recipe.value.style.length >= MOST_PARTS;
