// What a job is called on the page: names of its photo and styles, and its settings.
import type { JobFacts } from "../../src/brushwork/studio/v1/client.js";
import { styles } from "./state";
import type { StylePart } from "./state";
import { formatPercent, t } from "./texts";

const FEW = 3; // styles of a film that are named where there is little room

export type Asked = Readonly<Record<string, unknown>>; // a job's request

export const askedOf = (job: JobFacts): Asked => job.request ?? {};

/** The name of a job's photo, film or swatch, as the studio put it into the title. */
export const sourceName = (job: JobFacts): string =>
  job.title
    .split(" in the style of ")[0]
    ?.split(": ")[0]
    ?.replace(/ and \d+ more$/, "") ?? job.title;

/** A job's photo, or how many photos it has. */
export function sourceWords(job: JobFacts): string {
  const photos = askedOf(job)["photos"];
  if (Array.isArray(photos) && photos.length > 1)
    return t("job.photos", { name: sourceName(job), count: photos.length - 1 });
  return sourceName(job);
}

/** The parts of a style reference: "great-wave", or "great-wave:0.7+@…:0.3". */
export function partsOf(text: unknown): StylePart[] {
  if (typeof text !== "string") return [];
  return text.split("+").map((piece) => {
    const [style = "", weight] = piece.trim().split(":");
    return { style, weight: weight === undefined ? 1 : Number(weight) };
  });
}

/** Titles of a job's styles; of a film, those of its keyframes, as they follow each other. */
export const styleWords = (job: JobFacts): string => styleTitles(job).join(", ");

/** The same, the first few only. */
export function fewStyleWords(job: JobFacts): string {
  const titles = styleTitles(job);
  if (titles.length <= FEW) return titles.join(", ");
  return t("job.styles", { names: titles.slice(0, FEW - 1).join(", "), count: titles.length - FEW + 1 });
}

function styleTitles(job: JobFacts): string[] {
  const { style, styles: several, keyframes } = askedOf(job);
  const keys = Array.isArray(keyframes) ? (keyframes as { seconds: number; style: string }[]) : [];
  if (keys.length === 0) return [blendWords(Array.isArray(several) ? several.join("+") : style)];
  const inOrder = [...keys].sort((a, b) => a.seconds - b.seconds);
  return [...new Set(inOrder.map((key) => blendWords(key.style)))];
}

const blendWords = (style: unknown): string =>
  partsOf(style)
    .map((part) => titleOf(part.style))
    .join(" + ");

function titleOf(name: string): string {
  if (name.startsWith("@")) return t("job.painting");
  return styles.value.find((one) => one.name === name)?.title || name;
}

/** A job as one line: its photo and its style, or what it is instead. */
export function jobWords(job: JobFacts): string {
  if (job.kind === "texture") return t("job.texture", { name: sourceName(job) });
  return t("job.line", { name: sourceWords(job), style: styleWords(job) });
}

/** The settings that matter, those that differ from the usual. */
export function settingWords(job: JobFacts): string {
  const asked = askedOf(job);
  if (job.kind === "texture") return textureWords(asked);
  const settings = (asked["settings"] ?? {}) as Asked;
  const words = [t(`finish.${finishOf(asked)}`)];
  const strength = settings["strength"];
  if (typeof strength === "number" && strength !== 1) words.push(t("job.strength", { value: formatPercent(strength) }));
  const stroke = settings["style_scale"];
  if (typeof stroke === "number" && stroke !== 1) words.push(t("job.stroke", { value: formatPercent(stroke) }));
  if (asked["keep_color"]) words.push(t("job.colors"));
  return words.join(" · ");
}

function textureWords(asked: Asked): string {
  const size = `${String(asked["width"])} × ${String(asked["height"])}`;
  return asked["tileable"] ? `${size} · ${t("texture.tileable")}` : size;
}

/** The finish that a request was painted with. */
export function finishOf(asked: Asked): "draft" | "good" | "best" {
  const preset = asked["preset"];
  if (preset === "draft" || preset === "good" || preset === "best") return preset;
  return asked["method"] === "adain-lite" ? "draft" : "good";
}
