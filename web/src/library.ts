// Which styles the strip shows: searched, and filtered by mood, favorites or one's own.
import { computed, signal } from "@preact/signals";
import { MOODS, moodsOf } from "./moods";
import type { Look, Mood } from "./moods";
import { favorites, styles } from "./state";
import type { StyleFacts } from "../../src/brushwork/studio/v1/client.js";
import { t } from "./texts";
import { thumbnails } from "./thumbnails";

export type Filter = "all" | "favorites" | "own" | Mood;

export const search = signal("");
export const filter = signal<Filter>("all");

const moods = computed(() => {
  const looks = new Map<string, Look>();
  for (const [style, { look }] of thumbnails.value) if (look) looks.set(style, look);
  return moodsOf(looks);
});

/** The filters that would show something. */
export const filters = computed<readonly Filter[]>(() => [
  "all",
  "favorites",
  ...(styles.value.some((style) => style.own) ? (["own"] as const) : []),
  ...MOODS,
]);

/** The styles that the strip shows. */
export const found = computed<readonly StyleFacts[]>(() => stylesBy(search.value).filter(passes));

/** The styles that are found by words: one's own first, then by name. */
export function stylesBy(text: string): readonly StyleFacts[] {
  const words = plain(text).split(/\s+/).filter(Boolean);
  const fits = styles.value.filter((style) => words.every((word) => textOf(style).includes(word)));
  return [...fits.filter((style) => style.own), ...fits.filter((style) => !style.own)];
}

function passes(style: StyleFacts): boolean {
  switch (filter.value) {
    case "all":
      return true;
    case "favorites":
      return favorites.value.includes(style.name);
    case "own":
      return style.own;
    default:
      return moods.value.get(style.name)?.has(filter.value) ?? false;
  }
}

/** What a style is found by: name, title, artist, and the words for its moods. */
function textOf(style: StyleFacts): string {
  const words = [...(moods.value.get(style.name) ?? [])].map((mood) => t(`mood.${mood}`));
  return plain([style.name, style.title, style.artist, ...words].join(" "));
}

/** Without case and accents, so that "cezanne" finds Cézanne. */
const plain = (text: string): string => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/-/g, " ");
