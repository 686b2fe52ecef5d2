// Saving: the picture on screen, or one painted at full size first.
import { tell } from "./actions";
import { checkLogin, studio, wordsOf } from "./api";
import { asked } from "./develop";
import { photo, recipe, saveShare, saving, shown } from "./state";
import { t } from "./texts";

/** Save with the remembered choice. */
export async function saveNow(): Promise<void> {
  const { format, size } = saving.value;
  saveShare.value = 0;
  try {
    const job = size === "screen" && shown.value.phase === "done" ? shown.value.job : null;
    const id = job ?? (await painted());
    download(await studio.result(id, format), `${stem()}.${{ png: "png", jpeg: "jpg", tiff: "tif" }[format]}`);
  } catch (error) {
    checkLogin(error);
    tell("error", t("error.save", { reason: wordsOf(error) }));
  } finally {
    saveShare.value = null;
  }
}

/** Paint the recipe in its full size; the job's ID. */
async function painted(): Promise<string> {
  const made = recipe.value;
  const job = await studio.submit("picture", { ...asked(made, made.size), depth: saving.value.format === "tiff" ? 16 : 8 });
  await studio.wait(job.id, { progress: (facts) => (saveShare.value = facts.progress.share ?? 0) });
  return job.id;
}

const stem = (): string =>
  `${photo.value?.name.replace(/\.\w+$/, "") ?? "photo"}_${recipe.value.style.map((part) => part.style.replace(/^@.*/, "painting")).join("-")}`;

function download(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
