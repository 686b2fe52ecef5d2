// How far the film is: frames and time left, and when it is done, to play it and to save it.
import { film, playing } from "./film";
import { cancelFilm, filmJob, isMaking, playFilm, resultUrl } from "./film_making";
import { CloseIcon, PlayIcon, SaveIcon } from "./icons";
import { t, timeWords } from "./texts";
import { timeLeft } from "./time_left";
import { IconButton } from "./widgets";
import "./film_status.css";

export function FilmStatus() {
  const job = filmJob.value;
  if (!job || job.film !== film.value?.id) return null;
  const { status, progress } = job.facts;
  if (isMaking()) {
    const words =
      status === "running" && progress.step !== undefined
        ? makingWords(progress.step, progress.steps ?? 0, timeLeft(job.facts.id, progress))
        : t("film.waiting");
    return (
      <div class="film-status" role="status">
        {job.picture && <img src={job.picture} alt="" />}
        <span class="film-progress">
          <span>{words}</span>
          <progress class="bar" value={progress.share ?? 0} max={1} aria-label={t("film.making.bar")} />
        </span>
        <IconButton icon={CloseIcon} label={t("film.cancel")} size={16} onClick={() => void cancelFilm()} />
      </div>
    );
  }
  if (!job.facts.result)
    return status === "failed" ? (
      <span class="film-status" role="status">
        {t("film.failed")}
      </span>
    ) : null;
  return (
    <div class="film-status" role="status">
      <button type="button" class="chip" aria-pressed={playing.value?.kind === "film"} onClick={playFilm}>
        <PlayIcon size={16} /> {t("film.play")}
      </button>
      <a class="chip" href={resultUrl(job.facts.id)} download title={t("film.download")}>
        <SaveIcon size={16} /> <span class="timeline-word">{t("film.download")}</span>
      </a>
    </div>
  );
}

const makingWords = (frame: number, frames: number, left: number | null): string =>
  left === null
    ? t("film.making.begins", { frame, frames })
    : t("film.making", { frame, frames, left: timeWords(left) });
