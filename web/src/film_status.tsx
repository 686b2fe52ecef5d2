// How far the film is: frames and time left, and when it is done, to play it and to save it.
import type { JobFacts } from "../../src/brushwork/studio/v1/client.js";
import { film, playing } from "./film";
import { estimate, filmJob, isMaking, isOlder, playFilm, resultUrl } from "./film_making";
import { CloseIcon, PlayIcon, SaveIcon } from "./icons";
import { isResumable, steer } from "./queue";
import { t, timeWords } from "./texts";
import { timeLeft } from "./time_left";
import { IconButton } from "./widgets";
import "./film_status.css";

export function FilmStatus() {
  const job = filmJob.value;
  if (!film.value) return null;
  if (job && isMaking()) return <Making job={job} />;
  if (job?.status === "failed")
    return (
      <span class="film-status" role="status" title={job.message}>
        {t("film.failed")}
      </span>
    );
  if (!job?.result) return <Estimate />;
  const older = isOlder(job);
  return (
    <div class={older ? "film-status older" : "film-status"} role="status">
      {older && <Estimate />}
      <button
        type="button"
        class="chip"
        aria-pressed={playing.value?.kind === "film"}
        title={older ? t("film.older.hint") : undefined}
        onClick={playFilm}
      >
        <PlayIcon size={16} /> {t(older ? "film.older.play" : "film.play")}
      </button>
      <a class="chip" href={resultUrl(job.id)} download title={t(older ? "film.older.download" : "film.download")}>
        <SaveIcon size={16} />{" "}
        <span class={older ? "timeline-word film-wide" : "timeline-word"}>
          {t(older ? "film.older.download" : "film.download")}
        </span>
      </a>
    </div>
  );
}

/** How long a new version takes, where that is known. */
function Estimate() {
  if (estimate.value === null) return null;
  return <span class="quiet film-takes film-wide">{takesWords(estimate.value)}</span>;
}

export const takesWords = (seconds: number): string => t("film.takes", { time: timeWords(seconds) });

function Making({ job }: { job: JobFacts }) {
  return (
    <div class="film-status" role="status">
      {job.preview && <img src={job.preview} alt="" />}
      <span class="film-progress">
        <span>{makingWords(job)}</span>
        <progress class="bar" value={job.progress.share ?? 0} max={1} aria-label={t("film.making.bar")} />
      </span>
      {isResumable(job) && (
        <IconButton icon={PlayIcon} label={t("film.resume")} size={16} onClick={() => void steer(job, "resume")} />
      )}
      <IconButton icon={CloseIcon} label={t("film.cancel")} size={16} onClick={() => void steer(job, "cancel")} />
    </div>
  );
}

/** "Frame 3 of 24, 10 s left" */
function makingWords(job: JobFacts): string {
  const { step: frame, steps: frames = 0 } = job.progress;
  if (job.status !== "running" || frame === undefined) return t(`status.${job.status}`);
  const left = timeLeft(job.id, job.progress);
  return left === null
    ? t("film.making.begins", { frame, frames })
    : t("film.making", { frame, frames, left: timeWords(left) });
}
