// What a film looks like over time: keyframes of style and strength, and painted frames.
import { effect } from "@preact/signals";
import { change, completeChanges, put, tell } from "./actions";
import { checkLogin, studio, wordsOf } from "./api";
import { persistently } from "./connection";
import { cuts, film, frameAt, playhead, secondsOf, seek } from "./film";
import { recipe, styles } from "./state";
import type { FilmKeyframe, Recipe, StylePart } from "./state";
import { formatPercent, t } from "./texts";

type Look = Pick<Recipe, "style" | "strength">;
type Keys = readonly FilmKeyframe[];

const NEAR_CUT = 3; // frames after a cut at which a style change is put onto the cut

/** Keyframes as the studio takes them, which fades between all: one that is sharp follows a copy of the one before. */
export const heldKeyframes = (keys: Keys): Keys =>
  keys.flatMap((key, number) => {
    const [before, frame] = [keys[number - 1], frameAt(key.seconds) - 1];
    const held = key.sharp && before && frame > frameAt(before.seconds);
    return held ? [{ ...before, seconds: secondsOf(frame) }, key] : [key];
  });

/** The inverse of `heldKeyframes`. */
export function sharpKeyframes(held: Keys, rate: number): Keys {
  const same = (a: FilmKeyframe, b: FilmKeyframe): boolean =>
    a.strength === b.strength && JSON.stringify(a.style) === JSON.stringify(b.style);
  const holds = held.map((key, number) => {
    const [before, after] = [held[number - 1], held[number + 1]];
    return before && after ? same(before, key) && Math.round((after.seconds - key.seconds) * rate) === 1 : false;
  });
  return held.map((key, number) => ({ ...key, sharp: holds[number - 1] ?? false })).filter((_, number) => !holds[number]);
}

/** The number of the keyframe that applies at a frame: the one there, or else the one before; -1: there is none. */
export function keyframeFor(keys: Keys, frame: number): number {
  const later = keys.findIndex((key) => frameAt(key.seconds) > frame);
  return later < 0 ? keys.length - 1 : Math.max(0, later - 1);
}

/** Style and strength at a time: those of the recipe, or between keyframes, eased as the studio eases them. */
export function lookAt(made: Recipe, seconds: number): Look {
  const keys = heldKeyframes(made.keyframes);
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
export const keyframeAt = (keys: Keys, frame: number): number =>
  keys.findIndex((key) => frameAt(key.seconds) === frame);

const sorted = (keys: Keys): Keys => [...keys].sort((a, b) => a.seconds - b.seconds);

const isCut = (frame: number): boolean => cuts.value.some((seconds) => frameAt(seconds) === frame);

/** The cut at a frame or a few frames before it, where a style change belongs; or the frame itself. */
export const nearCut = (frame: number): number =>
  cuts.value.map(frameAt).find((cut) => cut <= frame && frame <= cut + NEAR_CUT) ?? frame;

/** Where a style change would be put: at the playhead, or the cut just before it; null where there is one. */
export function placeForKeyframe(): number | null {
  const free = (frame: number): boolean => keyframeAt(recipe.value.keyframes, frame) < 0;
  return [nearCut(playhead.value), playhead.value].find(free) ?? null;
}

/** Keep the look at the playhead as a keyframe; before the first one, what the film begins with is kept, too. */
export function addKeyframe(): void {
  const frame = placeForKeyframe();
  if (!film.value || frame === null) return;
  const made = recipe.value;
  const [seconds, sharp] = [secondsOf(frame), isCut(frame)];
  const mix = lookAt(made, seconds);
  const look = sharp || mix.style.length > 4 ? made : mix; // the recipe has the look of the change before
  const first = made.keyframes.length === 0 && frame > 0 ? [{ ...lookOf(made), seconds: 0, sharp: false }] : [];
  change({ keyframes: sorted([...first, ...made.keyframes, { ...lookOf(look), seconds, sharp }]) });
  seek(frame);
}

const lookOf = ({ style, strength }: Look): Look => ({ style, strength });

/** Move a keyframe to a frame where there is no other; returns its number afterwards. */
export function moveKeyframe(number: number, frame: number): number {
  const keys = recipe.value.keyframes;
  const key = keys[number];
  const within = Math.min((film.value?.frames ?? 1) - 1, Math.max(0, Math.round(frame)));
  if (!key || keyframeAt(keys, within) >= 0) return number;
  const moved = { ...key, seconds: secondsOf(within), sharp: isCut(within) };
  const next = sorted(keys.map((one) => (one === key ? moved : one)));
  change({ keyframes: next }, `keyframe ${key.style.map((part) => part.style).join()}`);
  return next.indexOf(moved);
}

export function removeKeyframe(number: number): void {
  change({ keyframes: recipe.value.keyframes.filter((_, other) => other !== number) });
}

/** Go to a keyframe, whose style and strength are then in hand. */
export function selectKeyframe(number: number): void {
  const key = recipe.value.keyframes[number];
  if (key) seek(frameAt(key.seconds));
}

/** Where there are keyframes, the recipe's style and strength are those of the one for the playhead. */
export function followKeyframes(): void {
  effect(() => {
    const made = recipe.value;
    const key = film.value && made.keyframes[keyframeFor(made.keyframes, playhead.value)];
    if (!key || (key.style === made.style && key.strength === made.strength)) return;
    put({ ...made, ...lookOf(key) });
  });
  completeChanges((part) => {
    const keys = recipe.value.keyframes;
    const none = !film.value || keys.length === 0 || part.keyframes !== undefined;
    if (none || (part.style === undefined && part.strength === undefined)) return part;
    const chosen = keyframeFor(keys, playhead.value);
    const look = lookOf({ ...recipe.value, ...part });
    return { ...part, keyframes: keys.map((key, number) => (number === chosen ? { ...key, ...look } : key)) };
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
