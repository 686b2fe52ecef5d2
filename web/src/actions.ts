// The functions that change the state; components call these and nothing else.
import { batch } from "@preact/signals";
import { withStyle } from "./choosing";
import {
  canRedo,
  canUndo,
  controlsOpen,
  DEFAULTS,
  divided,
  favorites,
  future,
  notices,
  panel,
  past,
  photo,
  recipe,
  saving,
  sheet,
  theme,
  view,
} from "./state";
import type { Notice, NoticeAction, Recipe, Saving, Theme } from "./state";
import { store } from "./storage";

const MOST_UNDONE = 200;
const GESTURE = 800; // ms within which changes of the same kind are one step of undo
const NOTICE_TIME = 8000; // ms

let lastGesture = "";
let lastTime = 0;

type Changes = Partial<Recipe>;
let complete = (part: Changes): Changes => part;

/** Have every change completed by a function: of a film, style and strength are also those of a keyframe. */
export const completeChanges = (by: typeof complete): void => void (complete = by);

/** A change with what else it changes. */
export const completed = (part: Changes): Changes => complete(part);

/**
 * Change the recipe.
 * @param gesture names what is dragged: its changes in a row are one step of undo
 */
export function change(part: Partial<Recipe>, gesture = ""): void {
  const now = performance.now();
  const goesOn = gesture !== "" && gesture === lastGesture && now - lastTime < GESTURE;
  lastGesture = gesture;
  lastTime = now;
  batch(() => {
    if (!goesOn && recipe.value.photo !== null) past.value = [...past.value, recipe.value].slice(-MOST_UNDONE);
    future.value = [];
    put({ ...recipe.value, ...completed(part) });
  });
}

/** Set a setting back to its default. */
export function reset<K extends keyof Recipe>(name: K): void {
  if (recipe.value[name] !== DEFAULTS[name]) change({ [name]: DEFAULTS[name] });
}

/** Set everything back but the photo and its style. */
export function resetAll(): void {
  const { photo: source, style, masks, blended } = recipe.value;
  change({ ...DEFAULTS, photo: source, style, masks, blended });
}

export function undo(): void {
  if (!canUndo.value) return;
  batch(() => {
    future.value = [recipe.value, ...future.value];
    const last = past.value.at(-1);
    past.value = past.value.slice(0, -1);
    if (last) put(last);
  });
  lastGesture = "";
}

export function redo(): void {
  if (!canRedo.value) return;
  batch(() => {
    past.value = [...past.value, recipe.value];
    const next = future.value[0];
    future.value = future.value.slice(1);
    if (next) put(next);
  });
  lastGesture = "";
}

/** Replace the recipe without a step of undo: for what was restored, or dropped because it is gone. */
export function put(next: Recipe): void {
  recipe.value = next;
  store("recipe", next);
}

/** Give a mask another name, also where undo and redo lead. */
export function renameMask(from: string, to: string): void {
  const renamed = (made: Recipe): Recipe => ({
    ...made,
    masks: made.masks.map((name) => (name === from ? to : name)),
    faceMask: made.faceMask === from ? to : made.faceMask,
  });
  batch(() => {
    past.value = past.value.map(renamed);
    future.value = future.value.map(renamed);
    put(renamed(recipe.value));
  });
}

/** Paint in a style; while a blend or regions are made, one of their styles is replaced. */
export function chooseStyle(style: string): void {
  const changes = withStyle(style);
  if (changes.style !== recipe.value.style) change(changes);
}

export function toggleFavorite(style: string): void {
  const others = favorites.value.filter((name) => name !== style);
  favorites.value = others.length < favorites.value.length ? others : [...others, style];
  store("favorites", favorites.value);
}

export function setSaving(part: Partial<Saving>): void {
  saving.value = { ...saving.value, ...part };
  store("saving", saving.value);
}

export function setTheme(next: Theme): void {
  theme.value = next;
  store("theme", next);
}

/** Open a panel, or close it if it is open. */
export function togglePanel(id: string): void {
  panel.value = panel.value === id ? null : id;
}

export function toggleControls(): void {
  controlsOpen.value = !controlsOpen.value;
  store("controls-open", controlsOpen.value);
}

export function showSheet(name: "styles" | "controls"): void {
  sheet.value = name;
}

export function divideAt(share: number): void {
  divided.value = Math.min(1, Math.max(0, share));
}

let noticeCount = 0;

/**
 * Tell something at the top of the page; errors stay until they are closed.
 * @param topic by what the line can be taken back with `forget`
 * @param action what the line's button does
 */
export function tell(kind: Notice["kind"], text: string, topic = "", action: NoticeAction | null = null): void {
  const notice = { id: ++noticeCount, kind, text, topic, action };
  notices.value = [...notices.value.filter((other) => other.text !== text), notice].slice(-3);
  if (kind === "done") setTimeout(() => dismiss(notice.id), NOTICE_TIME);
}

/** Take back the lines of a topic, once they are no longer true. */
export function forget(topic: string): void {
  notices.value = notices.value.filter((notice) => notice.topic !== topic);
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

export const resetView = (): void => {
  view.value = { zoom: 1, x: 0, y: 0 };
};

/** Whether there is a photo to paint. */
export const hasPhoto = (): boolean => photo.value?.facts != null && recipe.value.photo !== null;
