// What a film looks like over time: keyframes of style and strength, and painted frames.
import { effect } from "@preact/signals";
import { change, put, tell } from "./actions";
import { checkLogin, studio, wordsOf } from "./api";
import { persistently } from "./connection";
import { film, frameAt, playhead, secondsOf, seek } from "./film";
import { recipe, styles } from "./state";
import type { FilmKeyframe, Recipe, StylePart } from "./state";
import { formatPercent, t } from "./texts";

type Look = Pick<Recipe, "style" | "strength">;

/** Style and strength at a time: those of the recipe, or between keyframes, eased as the studio eases them. */
export function lookAt(made: Recipe, seconds: number): Look {
  const keys = made.keyframes;
  const later = keys.findIndex((key) => key.seconds > seconds);
  const before = keys[later < 0 ? keys.length - 1 : Math.max(0, later - 1)];
  const after = later < 0 ? before : keys[later];
  if (!before || !after) return made;
  const linear =
    before === after || seconds <= before.seconds ? 0 : (seconds - before.seconds) / (after.seconds - before.seconds);
  const share = linear * linear * (3 - 2 * linear);
  return {
    style: mixed(before.style, after.style, share),
    strength: before.strength + share * (after.strength - before.strength),
  };
}

function mixed(first: readonly StylePart[], second: readonly StylePart[], share: number): readonly StylePart[] {
  if (share === 0) return first;
  const weights = new Map<string, number>();
  for (const [parts, part] of [
    [first, 1 - share],
    [second, share],
  ] as const) {
    const all = parts.reduce((sum, one) => sum + one.weight, 0) || 1;
    for (const one of parts) weights.set(one.style, (weights.get(one.style) ?? 0) + (part * one.weight) / all);
  }
  return [...weights].map(([style, weight]) => ({ style, weight }));
}

/** The title of a style, or of several. */
export const styleTitle = (parts: readonly StylePart[]): string =>
  parts.map((part) => styles.value.find((style) => style.name === part.style)?.title || part.style).join(" + ");

export const keyframeText = (key: FilmKeyframe): string => `${styleTitle(key.style)}, ${formatPercent(key.strength)}`;

/** The number of the keyframe at a frame; -1: there is none. */
export const keyframeAt = (keys: readonly FilmKeyframe[], frame: number): number =>
  keys.findIndex((key) => frameAt(key.seconds) === frame);

const sorted = (keys: readonly FilmKeyframe[]): readonly FilmKeyframe[] =>
  [...keys].sort((a, b) => a.seconds - b.seconds);

function withKeyframe(keys: readonly FilmKeyframe[], look: Look): readonly FilmKeyframe[] {
  const others = keys.filter((_, number) => number !== keyframeAt(keys, playhead.peek()));
  return sorted([...others, { seconds: secondsOf(playhead.peek()), style: look.style, strength: look.strength }]);
}

/** Keep the look at the playhead as a keyframe. */
export function addKeyframe(): void {
  if (!film.value || keyframeAt(recipe.value.keyframes, playhead.value) >= 0) return;
  const look = lookAt(recipe.value, secondsOf(playhead.value));
  change({ keyframes: withKeyframe(recipe.value.keyframes, look.style.length > 4 ? recipe.value : look) });
}

/** Move a keyframe to a frame where there is no other; returns its number afterwards. */
export function moveKeyframe(number: number, frame: number): number {
  const keys = recipe.value.keyframes;
  const key = keys[number];
  const within = Math.min((film.value?.frames ?? 1) - 1, Math.max(0, Math.round(frame)));
  if (!key || keyframeAt(keys, within) >= 0) return number;
  const moved = { ...key, seconds: secondsOf(within) };
  const next = sorted(keys.map((one) => (one === key ? moved : one)));
  change({ keyframes: next }, `keyframe ${key.style.map((part) => part.style).join()}`);
  return next.indexOf(moved);
}

export function removeKeyframe(number: number): void {
  change({ keyframes: recipe.value.keyframes.filter((_, other) => other !== number) });
}

/** Go to a keyframe, and take its style and strength in hand. */
export function selectKeyframe(number: number): void {
  const key = recipe.value.keyframes[number];
  if (!key) return;
  seek(frameAt(key.seconds));
  put({ ...recipe.value, style: key.style, strength: key.strength });
}

/** Where there are keyframes, a style or strength that is chosen is that of the one at the playhead, or makes one. */
export function followKeyframes(): void {
  let last = recipe.peek();
  effect(() => {
    const [before, now] = [last, recipe.value];
    last = now;
    const same = now.keyframes === before.keyframes && now.photo === before.photo;
    if (!film.peek() || !same || now.keyframes.length === 0) return;
    if (now.style === before.style && now.strength === before.strength) return;
    queueMicrotask(() => put({ ...recipe.value, keyframes: withKeyframe(recipe.value.keyframes, recipe.value) }));
  });
}

/** Let the studio paint the frame at the playhead, and carry its strokes to the others. */
export function paintFrame(): void {
  addPainted(playhead.value, null);
}

/** Take a picture for a painted frame: the one that its name says, as it was saved, or else the one at the playhead. */
export async function openPaintedFrame(file: File, frame?: number): Promise<void> {
  const own = film.value;
  if (!own) return;
  const named = /frame[-_ ]?(\d+)/i.exec(file.name)?.[1];
  const at = frame ?? (named === undefined ? playhead.value : Math.min(own.frames - 1, Number(named)));
  try {
    const { id, width, height } = await studio.upload(await persistently(() => studio.send(file)));
    if (width !== own.width || height !== own.height) {
      throw new Error(
        t("film.painted.size", { name: file.name, width: own.width, height: own.height, got: `${width} × ${height}` }),
      );
    }
    if (film.value?.id === own.id) addPainted(at, id);
  } catch (error) {
    checkLogin(error);
    tell("error", wordsOf(error));
  }
}

function addPainted(frame: number, picture: string | null): void {
  const others = recipe.value.paintedFrames.filter((one) => one.frame !== frame);
  change({ paintedFrames: [...others, { frame, picture }].sort((a, b) => a.frame - b.frame) });
}

export function removePainted(frame: number): void {
  change({ paintedFrames: recipe.value.paintedFrames.filter((one) => one.frame !== frame) });
}
