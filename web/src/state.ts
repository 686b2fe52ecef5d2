// What the page knows, as signals. Only actions.ts and develop.ts change them; components read them.
import { computed, signal } from "@preact/signals";
import type { MethodOption, PresetFacts, Progress, StyleFacts, UploadFacts } from "../../src/brushwork/studio/v1/client.js";
import { stored } from "./storage";

/** A part of the style: a name of the library, or "@" and the ID of an uploaded painting. */
export interface StylePart {
  readonly style: string;
  readonly weight: number;
}

/** A style and strength that are reached at a time of a film. */
export interface FilmKeyframe {
  readonly seconds: number;
  readonly style: readonly StylePart[];
  readonly strength: number;
  readonly sharp: boolean; // at a cut: the one before holds until the frame before, instead of fading into it
}

/** A frame of a film whose strokes are carried to all others. */
export interface PaintedFrame {
  readonly frame: number;
  readonly picture: string | null; // an upload's ID; null: it is painted by the finish
}

export type Finish = "draft" | "good" | "best";
export type Value = string | number | boolean | readonly string[] | readonly number[];

/** Everything that decides the picture. Immutable: a change makes a new one, and undo goes back to the one before. */
export interface Recipe {
  readonly photo: string | null; // an upload's ID
  readonly style: readonly StylePart[];
  readonly strength: number; // 0 to 1
  readonly strokeSize: number; // of the painting relative to the photo, 0.25 to 4
  readonly colors: "painting" | "photo";
  readonly colorWay: "luminance" | "cholesky" | "histogram"; // how the photo's colors are kept
  readonly colorWhen: "" | "before" | "after"; // "": what is usual for the way
  readonly detail: number; // -1 to 1: how closely the photo is followed; see `asked` in develop.ts
  readonly finish: Finish;
  readonly size: number; // of the saved picture, longer side in pixels; 0: the photo's own
  readonly seed: number;
  readonly protectFaces: number; // 0 to 1
  readonly faceMask: string | null; // an upload's ID
  readonly masks: readonly string[]; // uploads' IDs, one for each region, or none
  readonly blended: number; // with masks: how many parts of the style the first region blends; see choosing.ts
  readonly advanced: Readonly<Record<string, Value>>; // settings of the finish's method, by name
  // Of a film only:
  readonly keyframes: readonly FilmKeyframe[]; // by time
  readonly paintedFrames: readonly PaintedFrame[]; // by number
  readonly steadiness: number; // 0 to 0.99: the share of the frame before that is kept
  readonly filmSize: number | null; // longer side in pixels; null: the usual one
}

export const DEFAULTS: Recipe = {
  photo: null,
  style: [{ style: "great-wave", weight: 1 }],
  strength: 1,
  strokeSize: 1,
  colors: "painting",
  colorWay: "luminance",
  colorWhen: "",
  detail: 0,
  finish: "good",
  size: 0,
  seed: 0,
  protectFaces: 0,
  faceMask: null,
  masks: [],
  blended: 1,
  advanced: {},
  keyframes: [],
  paintedFrames: [],
  steadiness: 0.97,
  filmSize: null,
};

export const UNSENT = "unsent-"; // how the names of masks begin that have no upload yet

/** Whether all masks of a recipe are uploads, so that it can be painted. */
export const isSent = ({ masks, faceMask }: Recipe): boolean => ![...masks, faceMask ?? ""].some((name) => name.startsWith(UNSENT));

/** The photo: at once the local file, and what the studio knows of it as soon as it is there. */
export interface Photo {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly url: string; // of a picture that the browser can show
  readonly facts: UploadFacts | null; // null while it is sent
}

export type Phase = "empty" | "sending" | "drafting" | "developing" | "done" | "failed";

/** What is on screen in the place of the photo. */
export interface Shown {
  readonly phase: Phase;
  readonly url: string | null; // a blob's; null: nothing painted yet
  readonly before: string | null; // the draft that the picture fades over, a blob's URL
  readonly quality: "none" | "thumbnail" | Finish;
  readonly job: string | null; // whose picture it is or becomes
  readonly progress: Progress;
  readonly message: string; // why it failed, or what is waited for
}

export const NOTHING: Shown = { phase: "empty", url: null, before: null, quality: "none", job: null, progress: {}, message: "" };

export interface Saving {
  readonly format: "png" | "jpeg" | "tiff";
  readonly size: "screen" | "full";
}

/** A line at the top for a while: what went wrong, or was done. */
export interface Notice {
  readonly id: number;
  readonly kind: "error" | "done";
  readonly text: string;
  readonly topic: string; // lines of a topic can be taken back together; "": of none
  readonly action: NoticeAction | null;
}

/** What a notice offers, once. */
export interface NoticeAction {
  readonly words: string;
  readonly act: () => void;
}

export interface View {
  readonly zoom: number; // 1: the whole picture fits
  readonly x: number; // of the picture's center from the middle, in pixels
  readonly y: number;
}

const kept = stored<Partial<Recipe>>("recipe", {});
const restored: Recipe = { ...DEFAULTS, ...kept };
export const recipe = signal<Recipe>(isSent(restored) ? restored : { ...restored, masks: [], faceMask: null });
export const past = signal<readonly Recipe[]>([]);
export const future = signal<readonly Recipe[]>([]);

export const photo = signal<Photo | null>(null);
export const shown = signal<Shown>(NOTHING);
export const styles = signal<readonly StyleFacts[]>([]);
export const methods = signal<Readonly<Record<string, readonly MethodOption[]>>>({});
/** Who is logged in; null where there are no logins. */
export const account = signal<string | null>(null);
export const presets = signal<Readonly<Partial<Record<Finish, PresetFacts>>>>({});
export const favorites = signal<readonly string[]>(stored("favorites", []));

export const saving = signal<Saving>(stored("saving", { format: "png", size: "full" }));
export const saveShare = signal<number | null>(null); // 0 to 1 while a picture is made to be saved
export const saveQueued = signal(false); // it has not begun: other jobs go first
export const dragging = signal(false); // files are dragged over the page

export type Theme = "system" | "dark" | "light";
export const theme = signal<Theme>(stored("theme", "system"));
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(systemDark.matches);
systemDark.addEventListener("change", () => (systemIsDark.value = systemDark.matches));
export const isDark = computed(() => (theme.value === "system" ? systemIsDark.value : theme.value === "dark"));
export const notices = signal<readonly Notice[]>([]);
export const offline = signal(false);
export const waiting = signal(false); // the studio is busy, and what was asked is asked again

export const view = signal<View>({ zoom: 1, x: 0, y: 0 });
export const comparing = signal(false);
export const divided = signal(0.5); // where before and after meet, 0 to 1 of the width
export const original = signal(false); // the photo itself is shown while space is held
export const glimpse = signal<string | null>(null); // a blob's URL: a style that is only pointed at

export const panel = signal<string | null>(null); // the open panel, by its ID in panels.ts
export const controlsOpen = signal(stored("controls-open", true));
export const sheet = signal<"styles" | "controls">("styles"); // on a phone, where only one of both has room

export const canUndo = computed(() => past.value.length > 0);
export const canRedo = computed(() => future.value.length > 0);
