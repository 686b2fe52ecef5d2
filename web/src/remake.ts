// From what was made back to how: do it again, or vary it.
import type { JobFacts, UploadFacts } from "../../src/brushwork/studio/v1/client.js";
import { change } from "./actions";
import { isGone, studio } from "./api";
import { continueBatch } from "./batch";
import { rateOf } from "./film";
import { sharpKeyframes } from "./film_look";
import { askedOf, finishOf, partsOf } from "./job_words";
import type { Asked } from "./job_words";
import { submitJob } from "./queue";
import { asked, DETAIL } from "./request";
import { DEFAULTS, panel, presets } from "./state";
import type { PaintedFrame, Recipe, Value } from "./state";
import { t } from "./texts";
import type { TextKey } from "./texts";
import { continueTexture } from "./texture";

const MOST_SCREEN = 1024; // longer side of what is painted for the screen; the size of what was saved is larger
const OWN = ["strength", "style_scale", "content_weight", "seed"]; // settings that a recipe has by another name
const MOST_SEED = 9999;

/** The recipe that a request came from; the inverse of `asked`. */
export function recipeOf(request: Asked): Recipe {
  const settings = (request["settings"] ?? {}) as Record<string, Value>;
  const finish = finishOf(request);
  const preset = (presets.value[finish]?.settings ?? {}) as Record<string, unknown>;
  const differs = ([name, value]: [string, Value]): boolean =>
    !OWN.includes(name) && name in preset && JSON.stringify(value) !== JSON.stringify(preset[name]);
  const number = (name: string, usual: number): number => (typeof settings[name] === "number" ? settings[name] : usual);
  const text = <T extends string>(name: string, usual: T): T =>
    typeof request[name] === "string" ? (request[name] as T) : usual;
  const size = typeof request["size"] === "number" && request["size"] > MOST_SCREEN ? request["size"] : 0;
  return {
    ...DEFAULTS,
    photo: text<string>("photo", "") || null,
    style: partsOf(request["style"]),
    strength: number("strength", 1),
    strokeSize: number("style_scale", 1),
    colors: request["keep_color"] ? "photo" : "painting",
    colorWay: text<Recipe["colorWay"]>("keep_color", DEFAULTS.colorWay),
    colorWhen: request["keep_color"] ? text<Recipe["colorWhen"]>("keep_color_when", "") : "",
    detail: finish === "draft" ? 0 : Number((Math.log(number("content_weight", 1)) / Math.log(DETAIL)).toFixed(3)),
    finish,
    size,
    seed: number("seed", 0),
    protectFaces: typeof request["protect_faces"] === "number" ? request["protect_faces"] : 0,
    faceMask: text<string>("face_mask", "") || null,
    ...masksOf(request),
    advanced: finish === "draft" ? {} : Object.fromEntries(Object.entries(settings).filter(differs)),
  };
}

/** The masks of a request as a recipe has them: styles with weights that share the first one are its region's blend. */
function masksOf(request: Asked): Pick<Recipe, "masks" | "blended"> {
  const masks = Array.isArray(request["masks"]) ? (request["masks"] as string[]) : [];
  const other = masks.findIndex((mask) => mask !== masks[0]);
  const weighted = masks.length > 0 && String(request["style"]).includes(":");
  const blended = !weighted ? 1 : other < 0 ? masks.length : other;
  return { masks: masks.slice(blended - 1), blended };
}

/** Open what a job was made of: photo and recipe on the stage, or its sheet. */
export async function doAgain(job: JobFacts): Promise<void> {
  const request = askedOf(job);
  switch (job.kind) {
    case "picture":
      await requireUpload(String(request["photo"]));
      change(recipeOf(request));
      panel.value = null;
      break;
    case "batch": {
      const { photo: _, ...others } = recipeOf(request);
      change(others);
      await continueBatch(request["photos"] as string[]);
      break;
    }
    case "texture":
      await requireUpload(String(request["swatch"]));
      await continueTexture(request);
      break;
    default:
      if (job.kind === "video") await requireUpload(String(request["film"]), "wall.gone.film");
      await submitJob(job.kind, request);
  }
}

/** The recipe that a film's request came from; `rate`: its frames per second. */
export function filmRecipeOf(request: Asked, rate: number): Recipe {
  const held = ((request["keyframes"] ?? []) as { seconds: number; style: string; strength: number | null }[])
    .map((key) => ({ seconds: key.seconds, style: partsOf(key.style), strength: key.strength ?? 1, sharp: false }))
    .sort((a, b) => a.seconds - b.seconds);
  return {
    ...recipeOf(request),
    photo: String(request["film"]),
    size: 0,
    keyframes: sharpKeyframes(held, rate),
    paintedFrames: (request["painted"] ?? []) as PaintedFrame[],
    steadiness: typeof request["smoothing"] === "number" ? request["smoothing"] : DEFAULTS.steadiness,
    filmSize: typeof request["size"] === "number" ? request["size"] : null,
  };
}

/** Open a film in the editor, as it was made: its style changes, painted frames and settings. */
export async function openAgain(job: JobFacts): Promise<void> {
  const request = askedOf(job);
  change(filmRecipeOf(request, rateOf(await requireUpload(String(request["film"]), "wall.gone.film"))));
  panel.value = null;
}

/** Paint three variations: weaker or stronger, with finer strokes, with coarser ones; each by another chance. */
export async function vary(job: JobFacts): Promise<void> {
  const request = askedOf(job);
  await requireUpload(String(request["photo"]));
  const made = recipeOf(request);
  const seed = (): number => Math.floor(Math.random() * MOST_SEED);
  const limited = (value: number): number => Number(Math.min(4, Math.max(0.25, value)).toFixed(3));
  const variants: Partial<Recipe>[] = [
    { strength: made.strength > 0.6 ? made.strength - 0.3 : made.strength + 0.3 },
    { strokeSize: limited(made.strokeSize / 1.6) },
    { strokeSize: limited(made.strokeSize * 1.6) },
  ];
  for (const variant of variants) {
    const ask = asked({ ...made, ...variant, seed: seed() }, 0);
    await submitJob("picture", { ...ask, size: request["size"] ?? null });
  }
}

async function requireUpload(id: string, gone: TextKey = "wall.gone"): Promise<UploadFacts> {
  try {
    return await studio.upload(id);
  } catch (error) {
    throw isGone(error) ? new Error(t(gone)) : error;
  }
}
