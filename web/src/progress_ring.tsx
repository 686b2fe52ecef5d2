// A quiet ring in the corner of the picture: how far it has developed, and the time left.
import type { Progress } from "../../src/brushwork/studio/v1/client.js";
import { retry } from "./develop";
import { film } from "./film";
import { CheckIcon } from "./icons";
import { shown, waiting } from "./state";
import { t, timeWords } from "./texts";
import { timeLeft } from "./time_left";
import { area, frame } from "./zoom";
import "./progress_ring.css";

const RADIUS = 9;
const AROUND = 2 * Math.PI * RADIUS;

export function ProgressRing() {
  const { phase, progress, quality, message, job } = shown.value;
  const { left, top, width, height } = area.value;
  const bottom = Math.min(top + height, frame.value.top + frame.value.height); // in the picture, or at the edge of the window
  const words = {
    empty: "",
    sending: t("phase.sending"),
    drafting: t("phase.drafting"),
    failed: t("phase.failed"),
    done: t(`phase.done.${quality === "best" ? "best" : quality === "good" ? "good" : "draft"}`),
    developing: message === "waiting" || message === "paused" ? t("status.waiting") : paintingWords(job, progress),
  }[phase];
  const said = waiting.value && phase !== "done" && phase !== "failed" ? t("phase.busy") : words;
  if (!words || (film.value && phase === "done")) return null;
  const share = phase === "developing" ? (progress.share ?? 0) : phase === "done" ? 1 : 0;
  return (
    <div class={`ring ${phase}`} style={{ left: `${left + width / 2}px`, top: `${bottom}px` }}>
      {phase === "done" ? (
        <CheckIcon size={18} />
      ) : (
        <svg width="24" height="24" viewBox="0 0 24 24" aria-hidden="true" class={share ? "" : "waiting"}>
          <circle class="ring-track" cx="12" cy="12" r={RADIUS} />
          <circle
            class="ring-share"
            cx="12"
            cy="12"
            r={RADIUS}
            stroke-dasharray={AROUND}
            stroke-dashoffset={AROUND * (1 - (share || 0.22))}
          />
        </svg>
      )}
      <span aria-hidden>{said}</span>
      {/* Seconds are not read aloud as they pass. */}
      <span class="hidden" role="status">
        {phase === "developing" ? t("phase.developing") : said}
      </span>
      {phase === "failed" && (
        <button type="button" class="link" onClick={retry}>
          {t("retry")}
        </button>
      )}
    </div>
  );
}

function paintingWords(job: string | null, progress: Progress): string {
  const left = job === null ? null : timeLeft(job, progress);
  return left === null ? t("phase.developing") : t("phase.left", { time: timeWords(left) });
}
