// Keys for the whole page. A key means what it usually does while a field is edited or a control is reached by Tab.
import { redo, toggleControls, undo } from "./actions";
import { film, playhead, seek } from "./film";
import { addKeyframe } from "./film_look";
import { makeFilm, playClip } from "./film_making";
import { helping } from "./help";
import { saveNow } from "./saving";
import { comparing, original, panel, photo } from "./state";
import type { TextKey } from "./texts";
import { actualSize, zoomBy, zoomToFit } from "./zoom";

interface Key {
  readonly key: string;
  readonly control?: boolean;
  readonly shift?: boolean;
  readonly shown: TextKey;
  readonly text: TextKey;
  readonly act: () => void;
}

export const KEYS: readonly Key[] = [
  { key: "o", shown: "key.o", text: "open", act: () => document.getElementById("open-photo")?.click() },
  { key: "s", control: true, shown: "key.save", text: "save", act: save },
  { key: "z", control: true, shown: "key.undo", text: "undo", act: undo },
  { key: "z", control: true, shift: true, shown: "key.redo", text: "redo", act: redo },
  { key: " ", shown: "key.space", text: "help.original", act: () => (original.value = true) },
  { key: "c", shown: "key.c", text: "compare", act: () => (comparing.value = !comparing.value) },
  { key: "+", shown: "key.plus", text: "zoom.in", act: () => zoomBy(1.4) },
  { key: "-", shown: "key.minus", text: "zoom.out", act: () => zoomBy(1 / 1.4) },
  { key: "0", shown: "key.0", text: "zoom.fit", act: zoomToFit },
  { key: "1", shown: "key.1", text: "zoom.actual", act: actualSize },
  { key: "p", shown: "key.p", text: "key.film.clip", act: () => void playClip() },
  { key: "k", shown: "key.k", text: "key.film.keyframe", act: addKeyframe },
  { key: "ArrowLeft", shown: "key.left", text: "key.film.before", act: () => seek(playhead.value - 1) },
  { key: "ArrowRight", shown: "key.right", text: "key.film.after", act: () => seek(playhead.value + 1) },
  { key: "/", shown: "key.slash", text: "styles.search", act: () => document.getElementById("style-search")?.focus() },
  { key: "t", shown: "key.t", text: "controls.toggle", act: toggleControls },
  { key: "Escape", shown: "key.escape", text: "help.escape", act: () => (panel.value = null) },
  { key: "?", shown: "key.question", text: "help.title", act: () => (helping.value = true) },
];

/** Keys of what has the focus, for the list. */
export const KEYS_THERE: readonly Pick<Key, "shown" | "text">[] = [
  { shown: "key.f", text: "help.favorite" },
  { shown: "key.delete", text: "help.reset" },
];

function save(): void {
  if (film.value) void makeFilm();
  else if (photo.value?.facts) void saveNow();
}

/** Follow the keyboard. */
export function listenToKeys(): void {
  addEventListener("keydown", (event) => {
    const found = KEYS.find((one) => matches(one, event));
    if (!found || event.defaultPrevented || isEdited(event, found)) return;
    event.preventDefault();
    found.act();
  });
  addEventListener("keyup", (event) => {
    if (event.key !== " " || !original.value) return;
    event.preventDefault(); // else a button that was clicked before is clicked again
    original.value = false;
  });
  addEventListener("blur", () => (original.value = false));
}

function matches(one: Key, event: KeyboardEvent): boolean {
  const control = event.ctrlKey || event.metaKey;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const redoing = control && key === "y" && one.shown === "key.redo";
  return (
    redoing ||
    (one.key === key &&
      Boolean(one.control) === control &&
      !event.altKey &&
      (!one.control || Boolean(one.shift) === event.shiftKey))
  );
}

function isEdited(event: KeyboardEvent, one: Key): boolean {
  const target = event.target as Element;
  if (target.closest("dialog")) return true;
  const isStage = target === document.body || target.matches(".frame");
  if (one.key.startsWith("Arrow")) return !film.value || !isStage;
  if (target.matches("input:not([type=range], [type=radio], [type=checkbox]), textarea, select, [contenteditable]"))
    return !(one.control && one.key === "s");
  return one.key === " " && target.matches(":focus-visible, summary") && !isStage;
}
