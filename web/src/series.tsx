// The sheet of a series: its photos, one style and recipe for all, and how far each of them is.
import {
  setBatchSize,
  addToBatch,
  batchFailure,
  batchJob,
  batchSize,
  clearBatch,
  leaveOut,
  photos,
  startBatch,
} from "./batch";
import type { BatchPhoto } from "./batch";
import { MainControls } from "./controls";
import { FileDrop } from "./file_drop";
import { AddIcon, AlertIcon, CheckIcon, CloseIcon, SaveIcon } from "./icons";
import { hasEnded, jobs } from "./queue";
import { t } from "./texts";
import { resultUrl } from "./tray";
import { StylePicker } from "./style_picker";
import { Choice, IconButton } from "./widgets";
import { SeriesIcon } from "./work_icons";
import "./series.css";

export function Series() {
  const found = photos.value;
  if (found.length === 0) {
    return (
      <FileDrop label={t("series.add")} several onFiles={(files) => void addToBatch(files)}>
        <SeriesIcon size={44} />
        <strong>{t("series.drop")}</strong>
        <span>{t("series.drop.hint")}</span>
      </FileDrop>
    );
  }
  return (
    <div class="sheet-columns">
      <div class="series">
        <Refused />
        <ul class="series-photos" aria-label={t("series.photos")}>
          {found
            .filter((photo) => !photo.refusal)
            .map((photo, number) => (
              <Photo key={photo.key} photo={photo} number={number} />
            ))}
        </ul>
        {!batchJob.value && (
          <FileDrop label={t("series.add")} several small onFiles={(files) => void addToBatch(files)}>
            <AddIcon size={18} /> {t("series.add")}
          </FileDrop>
        )}
      </div>
      {batchJob.value ? <Progress /> : <Settings />}
    </div>
  );
}

/** The files that are left out, by name. */
function Refused() {
  const refused = photos.value.filter((photo) => photo.refusal);
  if (refused.length === 0) return null;
  return (
    <div class="series-refused" role="alert">
      <ul>
        {refused.map((photo) => (
          <li key={photo.key}>
            <AlertIcon size={18} />
            <span>{t("series.left.out", { name: photo.name, reason: photo.refusal })}</span>
            <IconButton icon={CloseIcon} label={t("close")} size={16} onClick={() => leaveOut(photo.key)} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Photo({ photo, number }: { photo: BatchPhoto; number: number }) {
  const job = batchJob.value ? jobs.value.get(batchJob.value) : undefined;
  const { done = 0, step = 0, steps = 1 } = job?.progress ?? {};
  const finished = job && (number < done || job.status === "done");
  const current = job?.status === "running" && number === done;
  return (
    <li class={finished ? "series-photo finished" : "series-photo"}>
      {photo.url ? (
        <img src={current && job.preview && step > 0 ? job.preview : photo.url} alt="" />
      ) : (
        <span class="thumbnail-empty" />
      )}
      {!photo.id && <span class="series-state">{t("series.sending")}</span>}
      {finished && (
        <span class="series-done">
          <CheckIcon size={16} />
          <span class="hidden">{t("status.done")}</span>
        </span>
      )}
      {current && <div class="bar" style={{ "--share": `${(100 * step) / steps}%` }} />}
      <span class="series-name" title={photo.name}>
        {photo.name}
      </span>
      {!batchJob.value && (
        <IconButton
          icon={CloseIcon}
          label={t("series.remove", { name: photo.name })}
          size={14}
          onClick={() => leaveOut(photo.key)}
        />
      )}
    </li>
  );
}

function Settings() {
  const ready = photos.value.filter((photo) => photo.id).length;
  const sending = photos.value.some((photo) => !photo.id && !photo.refusal);
  return (
    <div class="sheet-side">
      <StylePicker />
      <MainControls />
      <Choice
        label={t("save.size")}
        value={batchSize.value}
        onChange={(size) => size && setBatchSize(size)}
        choices={[
          { value: "screen", label: t("save.screen") },
          { value: "own", label: t("save.full") },
        ]}
      />
      {batchFailure.value && (
        <p class="sheet-error" role="alert">
          {batchFailure.value}
        </p>
      )}
      <button type="button" class="button primary" disabled={ready === 0 || sending} onClick={() => void startBatch()}>
        {sending ? t("series.sending") : t(ready === 1 ? "series.paint.one" : "series.paint", { count: ready })}
      </button>
    </div>
  );
}

/** What becomes of the job, and the ZIP file at its end. */
function Progress() {
  const job = jobs.value.get(batchJob.value ?? "");
  const { done = 0, all = photos.value.length, share = 0 } = job?.progress ?? {};
  const made = job?.status === "done" || job?.status === "stopped";
  return (
    <div class="sheet-side" role="status">
      {job && !hasEnded(job) && (
        <>
          <p class="series-count">{t("series.progress", { done, all })}</p>
          <div
            class="bar"
            role="progressbar"
            aria-label={t("series")}
            aria-valuemin={0}
            aria-valuemax={100}
            aria-valuenow={Math.round(100 * share)}
            style={{ "--share": `${100 * share}%` }}
          />
          <p class="quiet">{job.status === "running" ? t("series.leave") : t(`status.${job.status}`)}</p>
        </>
      )}
      {job && made && (
        <>
          <p class="series-count">{t("series.done")}</p>
          <a class="button primary" href={resultUrl(job)} download>
            <SaveIcon /> {t("series.zip")}
          </a>
        </>
      )}
      {job?.message && <p class="sheet-error">{job.message}</p>}
      {(!job || hasEnded(job)) && (
        <button type="button" class="button" onClick={clearBatch}>
          {t("series.new")}
        </button>
      )}
    </div>
  );
}
