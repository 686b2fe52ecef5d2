// One work on the wall: its picture, what it was made of, and what can be done with it.
import type { JobFacts } from "../../src/brushwork/studio/v1/client.js";
import { CheckIcon, OpenIcon, SaveIcon, TrashIcon } from "./icons";
import { askedOf, fewStyleWords, jobWords, partsOf, settingWords, sourceWords, styleWords } from "./job_words";
import { doAgain, openAgain, vary } from "./remake";
import { language, t } from "./texts";
import { resultUrl } from "./tray";
import { removeWork, searchFor } from "./wall";
import { IconButton } from "./widgets";
import { AgainIcon, VaryIcon } from "./work_icons";

export type Act = (doing: () => Promise<void>, words?: string) => Promise<void>;

interface Props {
  job: JobFacts;
  picked: boolean;
  onPick: () => void;
  onView: () => void;
  act: Act;
}

export function WallCard({ job, picked, onPick, onView, act }: Props) {
  const words = jobWords(job);
  const comparable = job.kind !== "batch" && job.kind !== "video";
  return (
    <li class={picked ? "work picked" : "work"}>
      <button type="button" class="work-picture" aria-label={t("wall.view", { job: words })} onClick={onView}>
        <img src={`/api/v1/jobs/${job.id}/thumbnail`} alt="" loading="lazy" />
        {job.kind !== "picture" && <span class="tag">{kindWords(job)}</span>}
      </button>
      {comparable && (
        <button
          type="button"
          class="pick"
          aria-pressed={picked}
          aria-label={t("wall.pick", { job: words })}
          title={t("wall.pick", { job: words })}
          onClick={onPick}
        >
          {picked && <CheckIcon size={16} />}
        </button>
      )}
      <div class="work-words">
        <strong title={sourceWords(job)}>{sourceWords(job)}</strong>
        <StyleName job={job} />
        <span class="work-settings">
          <span title={settingWords(job)}>{settingWords(job)}</span>
          <time dateTime={new Date(1000 * job.made).toISOString()}>{dateWords(job.made)}</time>
        </span>
      </div>
      <WorkButtons job={job} act={act} />
    </li>
  );
}

/** What a job makes; of a series, how many. */
const kindWords = (job: JobFacts): string =>
  t(`kind.one.${job.kind}`, { count: (askedOf(job)["photos"] as string[] | undefined)?.length ?? 0 });

/** The style, which filters the wall if it is clicked. */
function StyleName({ job }: { job: JobFacts }) {
  const { style, keyframes } = askedOf(job);
  const parts = Array.isArray(keyframes) && keyframes.length > 0 ? [] : partsOf(style);
  const words = styleWords(job);
  const only = parts.length === 1 ? parts[0] : undefined;
  if (!only || only.style.startsWith("@"))
    return (
      <span class="work-style" title={words}>
        {fewStyleWords(job) || kindWords(job)}
      </span>
    );
  return (
    <button
      type="button"
      class="work-style"
      title={t("wall.only", { style: words })}
      aria-label={t("wall.only", { style: words })}
      onClick={() => searchFor(only.style)}
    >
      {words}
    </button>
  );
}

export function WorkButtons({ job, act, onRemoved }: { job: JobFacts; act: Act; onRemoved?: () => void }) {
  const words = jobWords(job);
  const isQueued = job.kind === "video" || job.kind === "grid"; // others open, to be made from there
  return (
    <div class="work-buttons" role="group" aria-label={t("wall.actions", { job: words })}>
      <IconButton
        icon={AgainIcon}
        label={t("wall.again", { job: words })}
        size={18}
        onClick={() => void act(() => doAgain(job), isQueued ? t("wall.queued") : "")}
      />
      {job.kind === "video" && (
        <IconButton
          icon={OpenIcon}
          label={t("wall.open", { job: words })}
          size={18}
          onClick={() => void act(() => openAgain(job))}
        />
      )}
      {job.kind === "picture" && (
        <IconButton
          icon={VaryIcon}
          label={t("wall.vary", { job: words })}
          size={18}
          onClick={() => void act(() => vary(job), t("wall.varied"))}
        />
      )}
      <a
        class="icon-button"
        href={resultUrl(job)}
        download
        aria-label={t("job.download", { job: words })}
        title={t("job.download", { job: words })}
      >
        <SaveIcon size={18} />
      </a>
      <IconButton
        icon={TrashIcon}
        label={t("wall.delete", { job: words })}
        size={18}
        onClick={(event) => {
          focusBeside(event.currentTarget.closest(".work"));
          removeWork(job);
          onRemoved?.();
        }}
      />
    </div>
  );
}

/** Move the focus to the next work, or the one before, since this one disappears. */
function focusBeside(work: Element | null): void {
  const beside = work?.nextElementSibling ?? work?.previousElementSibling;
  beside?.querySelector<HTMLElement>(".work-picture")?.focus();
}

function dateWords(seconds: number): string {
  const date = new Date(1000 * seconds);
  const today = date.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(language.value, today ? { timeStyle: "short" } : { dateStyle: "medium" }).format(date);
}
