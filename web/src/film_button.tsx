// Make film: in the place of Save while a film is open.
import { film } from "./film";
import { estimate, filmJob, isMaking, makeFilm } from "./film_making";
import { FilmIcon } from "./icons";
import { takesWords } from "./film_status";
import { formatPercent, t } from "./texts";

export function FilmButton() {
  const job = filmJob.value;
  const making = isMaking();
  const share = job?.progress.share ?? 0;
  const state = job?.status === "running" ? formatPercent(share) : job ? t(`status.${job.status}`) : "";
  return (
    <button
      type="button"
      class={making ? "button primary save busy" : "button primary save"}
      style={{ "--share": `${100 * share}%` }}
      disabled={!film.value || making}
      aria-keyshortcuts="Control+S"
      title={estimate.value === null ? t("film.make.hint") : `${t("film.make.hint")} · ${takesWords(estimate.value)}`}
      onClick={() => void makeFilm()}
    >
      <FilmIcon /> <span aria-live="polite">{making ? state : t("film.make")}</span>
    </button>
  );
}
