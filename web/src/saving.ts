// Saving: the picture on screen, or one painted at full size first.
import { forget, tell } from "./actions";
import { checkLogin, isGone, studio, wordsOf } from "./api";
import { persistently } from "./connection";
import { rememberFullSize } from "./full_size";
import { masksSent } from "./mask_files";
import { followQuietly, untilDone } from "./queue";
import { asked, screenSize } from "./request";
import { goOn, paintFirst } from "./screen_job";
import { photo, recipe, saveQueued, saveShare, saving, shown, styles } from "./state";
import { t } from "./texts";

const SUFFIXES = { png: "png", jpeg: "jpg", tiff: "tif" } as const;

let painting: string | null = null; // the job that paints what is saved

const wasCanceled = (job: string): Promise<boolean> =>
  studio.job(job).then(
    ({ status }) => status === "canceled" || status === "stopped",
    () => false,
  );

/** Save with the remembered choice. */
export async function saveNow(): Promise<void> {
  if (saveShare.value !== null) return;
  const { format } = saving.value;
  const name = `${fileStem()}.${SUFFIXES[format]}`;
  saveShare.value = 0;
  try {
    const job = onScreen() ?? (await painted());
    download(await persistently(() => studio.result(job, format)), name);
    forget("save");
    tell("done", t("notice.saved", { name }));
  } catch (error) {
    checkLogin(error);
    if (isGone(error) || (painting !== null && (await wasCanceled(painting)))) tell("done", t("notice.save.canceled"));
    else tell("error", t("error.save", { reason: wordsOf(error) }), "save");
  } finally {
    painting = saveShare.value = null;
    saveQueued.value = false;
  }
}

/** The longer side of what is saved, in pixels. */
function savedSize(): number {
  const facts = photo.value?.facts;
  if (saving.value.size === "screen" || !facts) return screenSize();
  return recipe.value.size || Math.max(facts.width, facts.height);
}

/** Width and height of what is saved, in pixels. */
export function savedPixels(): { width: number; height: number } {
  const { width, height } = photo.value?.facts ?? { width: 4, height: 3 };
  const scale = savedSize() / Math.max(width, height);
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** The job of the picture on screen, if it is what is to be saved; it has 8 bits, and TIFF has 16. */
function onScreen(): string | null {
  const { phase, job, quality } = shown.value;
  const fits =
    phase === "done" &&
    quality === recipe.value.finish &&
    savedSize() === screenSize() &&
    saving.value.format !== "tiff";
  return fits ? job : null;
}

/** Paint the recipe to be saved; the job's ID. */
async function painted(): Promise<string> {
  await masksSent();
  const [made, isFull] = [recipe.value, savedSize() > screenSize()];
  const ask = asked(made, savedSize());
  saveQueued.value = true;
  const job = await paintFirst(saving.value.format === "tiff" ? { ...ask, depth: 16 } : ask, async (id) => {
    painting = id;
    followQuietly(id);
    await persistently(async () => {
      await goOn(id);
      await untilDone(id, ({ status, progress }) => {
        saveShare.value = progress.share ?? 0;
        saveQueued.value = status === "waiting";
      });
    });
  });
  if (isFull) rememberFullSize(made, job);
  return job;
}

/** "boat_The-Starry-Night" */
function fileStem(): string {
  const stem = photo.value?.name.replace(/\.\w+$/, "") ?? "photo";
  const titles = recipe.value.style.map(
    (part) => styles.value.find((style) => style.name === part.style)?.name ?? "painting",
  );
  return `${stem}_${titles.join("-")}`;
}

function download(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
