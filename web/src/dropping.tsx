// Files that are dropped or pasted anywhere: while they are dragged, two zones ask whether they are a photo or a painting.
import { signal } from "@preact/signals";
import { addToBatch } from "./batch";
import { film } from "./film";
import { openPaintedFrame } from "./film_look";
import { BrushIcon, FilmIcon, PhotoIcon } from "./icons";
import { openPainting, openPhoto } from "./opening";
import { dragging, photo } from "./state";
import { t } from "./texts";
import { frameUnder } from "./timeline";
import "./dropping.css";

const over = signal<string | undefined>(undefined); // the zone under the files

/** Follow drags, drops and pastes. */
export function listenToDrops(): void {
  let inside = 0; // entered elements that were not left yet
  const end = (): void => {
    inside = 0;
    dragging.value = false;
  };
  addEventListener("dragenter", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    inside += 1;
    dragging.value = true;
  });
  addEventListener("dragleave", () => {
    inside -= 1;
    if (inside <= 0) end();
  });
  addEventListener("dragend", end); // also of files that another field has taken
  addEventListener("dragover", (event) => {
    event.preventDefault();
    over.value = (event.target as Element).closest<HTMLElement>("[data-drop]")?.dataset["drop"];
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    end();
    const files = [...(event.dataTransfer?.files ?? [])];
    if (over.value === "timeline" && files[0]) void openPaintedFrame(files[0], Math.round(frameUnder(event.clientX)));
    else if (over.value === "frame" && files[0]) void openPaintedFrame(files[0]);
    else if (over.value === "painting") for (const file of files) void openPainting(file);
    else openPhotos(files);
  });
  addEventListener("paste", (event) => {
    const file = event.clipboardData?.files[0];
    if (!file) return;
    event.preventDefault();
    void openPhoto(file);
  });
}

/** Open a photo, or several as a series. */
export function openPhotos(files: File[]): void {
  if (files.length > 1) void addToBatch(files);
  else if (files[0]) void openPhoto(files[0]);
}

/** The two zones. */
export function DropZones() {
  if (!dragging.value) return null;
  return (
    <div class={film.value ? "drop-zones film" : "drop-zones"}>
      <div class={over.value === "photo" ? "drop-zone over" : "drop-zone"} data-drop="photo">
        <PhotoIcon size={44} />
        <strong>{t("drop.photo")}</strong>
        <span>{t(photo.value ? "drop.photo.other" : "drop.photo.hint")}</span>
      </div>
      {film.value && (
        <div class={over.value === "frame" ? "drop-zone over" : "drop-zone"} data-drop="frame">
          <FilmIcon size={44} /><strong>{t("drop.frame")}</strong><span>{t("drop.frame.hint")}</span>
        </div>
      )}
      <div class={over.value === "painting" ? "drop-zone over" : "drop-zone"} data-drop="painting">
        <BrushIcon size={44} />
        <strong>{t("drop.painting")}</strong>
        <span>{t("drop.painting.hint")}</span>
      </div>
    </div>
  );
}
