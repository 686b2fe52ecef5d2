// The page's words, from texts/en.json and texts/de.json.
import { computed, signal } from "@preact/signals";
import type english from "../texts/en.json";
import { store, stored } from "./storage";

export type TextKey = keyof typeof english;
export type Language = "en" | "de";
export const LANGUAGES: readonly Language[] = ["en", "de"];

const texts = signal<Partial<Record<TextKey, string>>>({});
export const language = signal<Language>("en");

/** The words for a key; {name} in them is replaced. */
export function t(key: TextKey, values: Record<string, string | number> = {}): string {
  const words = texts.value[key] ?? key;
  return words.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** Load the words of a language and keep the choice. */
export async function speak(wanted: Language): Promise<void> {
  const answer = await fetch(`texts/${wanted}.json`);
  if (!answer.ok) throw new Error(`texts/${wanted}.json: ${answer.status}`);
  texts.value = (await answer.json()) as Record<TextKey, string>;
  language.value = wanted;
  document.documentElement.lang = wanted;
  store("language", wanted);
}

/** The language that was chosen, or the browser's. */
export function preferredLanguage(): Language {
  const spoken = navigator.language.slice(0, 2) as Language;
  return stored<Language>("language", LANGUAGES.includes(spoken) ? spoken : "en");
}

const numbers = computed(() => new Intl.NumberFormat(language.value, { maximumFractionDigits: 1 }));
export const formatNumber = (value: number): string => numbers.value.format(value);
export const formatPercent = (share: number): string =>
  new Intl.NumberFormat(language.value, { style: "percent", maximumFractionDigits: 0 }).format(share);

/** Seconds as people say them: "10 s", "about 2 minutes". */
export function timeWords(seconds: number): string {
  if (seconds < 60) return t("time.seconds", { count: seconds });
  const [unit, count] = seconds < 3600 ? (["minute", seconds / 60] as const) : (["hour", seconds / 3600] as const);
  return count === 1 ? t(`time.${unit}`) : t(`time.${unit}s`, { count });
}

/** Whether there are words for a key; for those that are made from the studio's own names. */
export const hasText = (key: string): boolean => key in texts.value;
