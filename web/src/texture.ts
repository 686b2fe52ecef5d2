// A texture of any size from a swatch: what is asked for, and the job that makes it.
import { batch, signal } from "@preact/signals";
import type { UploadFacts } from "../../src/brushwork/studio/v1/client.js";
import { checkLogin, studio, wordsOf } from "./api";
import { persistently } from "./connection";
import { creation } from "./creation";
import { note, submitJob } from "./queue";
import { panel } from "./state";
import { store, stored } from "./storage";
import { t } from "./texts";

export const MOST_SIDE = 4096; // pixels, as the studio has it
export const LEAST_SIDE = 16;

export interface TextureSettings {
  readonly width: number;
  readonly height: number;
  readonly tileable: boolean;
  readonly block: number; // side of the blocks in pixels; 0: suggested from the swatch
  readonly style_scale: number; // of the swatch
  readonly seed: number;
}

export const TEXTURE_DEFAULTS: TextureSettings = {
  width: 512,
  height: 512,
  tileable: true,
  block: 0,
  style_scale: 1,
  seed: 0,
};

export const swatch = signal<UploadFacts | null>(null);
export const texture = signal<TextureSettings>({
  ...TEXTURE_DEFAULTS,
  ...stored<Partial<TextureSettings>>("texture", {}),
});
export const textureJob = signal<string | null>(null);
export const textureFailure = signal("");
export const sendingSwatch = signal(false);

export function changeTexture(part: Partial<TextureSettings>): void {
  texture.value = { ...texture.value, ...part };
  store("texture", texture.value);
}

/** Send a picture to take the texture from. */
export async function sendSwatch(file: File): Promise<void> {
  sendingSwatch.value = true;
  await trying(async () => {
    const facts = await studio.upload(await persistently(() => studio.send(file)));
    if (facts.kind === "film") throw new Error(t("error.film"));
    useSwatch(facts);
  });
  sendingSwatch.value = false;
}

/** Take the texture from an upload. */
export function useSwatch(facts: UploadFacts | null): void {
  batch(() => {
    swatch.value = facts;
    textureJob.value = null;
    textureFailure.value = "";
  });
  keep();
}

export const makeTexture = (): Promise<void> =>
  trying(async () => {
    const job = await submitJob("texture", { swatch: swatch.value?.id, ...texture.value });
    textureJob.value = job.id;
    keep();
  });

/** Open the sheet with the settings of a texture that was made. */
export async function continueTexture(request: Readonly<Record<string, unknown>>): Promise<void> {
  const facts = await studio.upload(String(request["swatch"]));
  const known = Object.keys(TEXTURE_DEFAULTS).map((name) => [name, request[name]]);
  batch(() => {
    useSwatch(facts);
    changeTexture(Object.fromEntries(known) as Partial<TextureSettings>);
    creation.value = "texture";
    panel.value = "create";
  });
}

/** After a reload: the swatch, and the job that ran or has made a texture. */
export function restoreTexture(): void {
  const kept = stored<{ swatch: string | null; job: string | null }>("texture-made", { swatch: null, job: null });
  if (kept.swatch === null) return;
  const id = kept.swatch;
  const restore = async (): Promise<void> => {
    swatch.value = await persistently(() => studio.upload(id));
    if (kept.job) note(await studio.job(kept.job));
    textureJob.value = kept.job;
  };
  restore().catch(() => {}); // deleted meanwhile
}

const keep = (): void => store("texture-made", { swatch: swatch.value?.id ?? null, job: textureJob.value });

async function trying(act: () => Promise<void>): Promise<void> {
  textureFailure.value = "";
  try {
    await act();
  } catch (error) {
    checkLogin(error);
    textureFailure.value = wordsOf(error);
  }
}
