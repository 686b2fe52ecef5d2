// The tray of jobs: what waits and runs, how far it is and how long it takes, with pause, resume and cancel.
import { useSignal } from "@preact/signals";
import type { JobFacts } from "../../src/brushwork/studio/v1/client.js";
import { CloseIcon, SaveIcon } from "./icons";
import { jobWords } from "./job_words";
import { hasEnded, isActive, isResumable, makeAgain, steer, takeOff, tray } from "./queue";
import { formatPercent, t, timeWords } from "./texts";
import { timeLeft } from "./time_left";
import { IconButton } from "./widgets";
import { AgainIcon, BellIcon, PauseIcon, PlayIcon, StopIcon, TrayIcon } from "./work_icons";
import "./tray.css";

export function Tray() {
  const found = tray.value;
  return (
    <div class="tray">
      {found.length > 0 && <AskToNotify />}
      {found.length === 0 ? (
        <div class="tray-empty">
          <TrayIcon size={36} />
          <p>{t("tray.empty")}</p>
        </div>
      ) : (
        <ul class="tray-list" aria-label={t("tray")}>
          {found.map((job) => (
            <Row key={job.id} job={job} />
          ))}
        </ul>
      )}
    </div>
  );
}

function Row({ job }: { job: JobFacts }) {
  const words = jobWords(job);
  const share = hasEnded(job) ? 1 : (job.progress.share ?? 0);
  return (
    <li class={`tray-row ${job.status}`}>
      <Picture job={job} />
      <div class="tray-words">
        <strong title={words}>{words}</strong>
        <span class="tray-status">{statusWords(job)}</span>
        {!hasEnded(job) && (
          <div
            class="bar"
            role="progressbar"
            aria-label={words}
            aria-valuemin={0}
            aria-valuemax={100}
            aria-valuenow={Math.round(100 * share)}
            style={{ "--share": `${100 * share}%` }}
          />
        )}
      </div>
      <div class="tray-buttons">
        <Buttons job={job} words={words} />
      </div>
    </li>
  );
}

function Buttons({ job, words }: { job: JobFacts; words: string }) {
  const done = job.status === "done" || job.status === "stopped";
  return (
    <>
      {isActive(job) && (
        <IconButton icon={PauseIcon} label={t("tray.pause", { job: words })} onClick={() => void steer(job, "pause")} />
      )}
      {isResumable(job) && (
        <IconButton
          icon={PlayIcon}
          label={t("tray.resume", { job: words })}
          onClick={() => void steer(job, "resume")}
        />
      )}
      {!hasEnded(job) && (
        <IconButton
          icon={StopIcon}
          label={t("tray.cancel", { job: words })}
          onClick={() => void steer(job, "cancel")}
        />
      )}
      {job.status === "canceled" && (
        <IconButton icon={AgainIcon} label={t("wall.again", { job: words })} onClick={() => void makeAgain(job)} />
      )}
      {done && (
        <a
          class="icon-button"
          href={resultUrl(job)}
          download
          aria-label={t("job.download", { job: words })}
          title={t("job.download", { job: words })}
        >
          <SaveIcon />
        </a>
      )}
      {hasEnded(job) && (
        <IconButton
          icon={CloseIcon}
          label={t("tray.forget", { job: words })}
          size={16}
          onClick={() => takeOff(job.id)}
        />
      )}
    </>
  );
}

/** What is there of a job's picture, or its photo. */
function Picture({ job }: { job: JobFacts }) {
  const { photo, photos, swatch, film } = (job.request ?? {}) as Record<string, string | string[] | undefined>;
  const source = photo ?? swatch ?? film ?? photos?.[0];
  const url =
    hasEnded(job) && job.result
      ? `/api/v1/jobs/${job.id}/thumbnail`
      : (job.preview ?? (source ? `/api/v1/uploads/${String(source)}/view` : null));
  return url ? <img class="tray-picture" src={url} alt="" /> : <span class="tray-picture" />;
}

/** "3 of 10 · 45 s left" */
function statusWords(job: JobFacts): string {
  const { done, all, share } = job.progress;
  const state = job.status === "running" ? [] : [t(`status.${job.status}`)];
  if (job.message && job.status !== "running") state.push(job.message);
  if (hasEnded(job)) return state.join(" · ");
  const words = [...state];
  if (all !== undefined && all > 1) words.push(t("tray.of", { done: Math.min(all, (done ?? 0) + 1), all }));
  else if (share !== undefined) words.push(formatPercent(share));
  if (job.status === "running") {
    const left = timeLeft(job.id, job.progress);
    if (left !== null) words.push(t("tray.left", { time: timeWords(left) }));
    else if (share === undefined) words.push(t("status.running"));
  }
  return words.join(" · ");
}

export const resultUrl = (job: JobFacts): string => `/api/v1/jobs/${job.id}/result`;

/** Offers to tell the end of a job by the system, until it was answered. */
function AskToNotify() {
  const state = useSignal("Notification" in window ? Notification.permission : "denied");
  if (state.value !== "default") return null;
  return (
    <button
      type="button"
      class="button tray-ask"
      onClick={() => void Notification.requestPermission().then((answer) => (state.value = answer))}
    >
      <BellIcon /> {t("tray.notify")}
    </button>
  );
}
