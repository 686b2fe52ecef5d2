// One work beside its photo, or two works: under a handle, or side by side. Of a series, all its pictures.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { JobFacts, SeriesPicture } from "../../src/brushwork/studio/v1/client.js";
import { uploadUrl } from "./api";
import { askedOf, jobWords, settingWords, sourceWords, styleWords } from "./job_words";
import { SeriesPictures, seriesPictureName, seriesPictureUrl } from "./series_pictures";
import { formatPercent, t } from "./texts";
import { resultUrl } from "./tray";
import { WorkButtons } from "./wall_card";
import type { Act } from "./wall_card";
import { Choice } from "./widgets";
import { BackIcon } from "./work_icons";

interface Side {
  readonly url: string;
  readonly name: string;
  readonly details: string;
}

export function WorkView({ works, onBack, act }: { works: readonly JobFacts[]; onBack: () => void; act: Act }) {
  const way = useSignal<"handle" | "beside">(works.length === 2 ? "beside" : "handle");
  const chosen = useSignal<SeriesPicture | null>(null); // of a series
  const back = useRef<HTMLButtonElement>(null);
  useEffect(() => back.current?.focus(), [chosen.value]);
  const [first] = works;
  const series = works.length === 1 && first?.kind === "batch" && !chosen.value;
  const sides = first && chosen.value ? sidesOfPicture(first, chosen.value) : sidesOf(works);
  const compared = sides.length === 2 && way.value === "handle" ? <Handle sides={sides} /> : <Beside sides={sides} />;
  const shown = works.length === 1 && first?.kind === "video" ? <FilmView job={first} /> : compared;
  return (
    <div class="work-view">
      <div class="work-view-head">
        <button ref={back} type="button" class="button" onClick={() => (chosen.value ? (chosen.value = null) : onBack())}>
          <BackIcon size={18} /> {t("wall.back")}
        </button>
        {sides.length === 2 && (
          <Choice
            label={t("wall.way")}
            value={way.value}
            onChange={(next) => next && (way.value = next)}
            choices={[
              { value: "handle", label: t("wall.handle") },
              { value: "beside", label: t("wall.beside") },
            ]}
          />
        )}
        {works.length === 1 && first && <WorkButtons job={first} act={act} onRemoved={onBack} />}
      </div>
      {series && first ? (
        <SeriesPictures job={first} onChoose={(picture) => (chosen.value = picture)}>
          {shown}
        </SeriesPictures>
      ) : (
        shown
      )}
    </div>
  );
}

/** The pictures to show, from left to right. */
function sidesOf(works: readonly JobFacts[]): Side[] {
  const made = works.map((job) => ({
    url: pictureUrl(job),
    name: styleWords(job) || jobWords(job),
    details: `${sourceWords(job)} · ${settingWords(job)}`,
  }));
  const photo = askedOf(works[0] as JobFacts)["photo"];
  if (works.length === 1 && typeof photo === "string")
    return [{ url: uploadUrl(photo), name: t("before"), details: sourceWords(works[0] as JobFacts) }, ...made];
  return made;
}

/** A picture of a series, beside its photo if that is still there. */
function sidesOfPicture(job: JobFacts, picture: SeriesPicture): Side[] {
  const url = seriesPictureUrl(job, picture);
  const made = { url, name: styleWords(job), details: `${seriesPictureName(picture)} · ${settingWords(job)}` };
  return picture.name ? [{ url: uploadUrl(picture.photo), name: t("before"), details: picture.name }, made] : [made];
}

const pictureUrl = (job: JobFacts): string =>
  job.kind === "batch" || job.kind === "video"
    ? `/api/v1/jobs/${job.id}/preview`
    : `${resultUrl(job)}?format=jpeg&inline=true`;

/** A film, which is played. */
function FilmView({ job }: { job: JobFacts }) {
  const ratio = useSignal(16 / 9); // width to height
  const [side] = sidesOf([job]) as [Side];
  return (
    <figure class="handle-view">
      <div class="handle-box" style={{ "--ratio": ratio.value }}>
        <video
          src={`${resultUrl(job)}?inline=true`}
          poster={side.url}
          controls
          autoplay
          playsInline
          aria-label={side.name}
          onLoadedMetadata={({ currentTarget: { videoWidth, videoHeight } }) => (ratio.value = videoWidth / videoHeight)}
        />
      </div>
      <Caption side={side} />
    </figure>
  );
}

function Beside({ sides }: { sides: readonly Side[] }) {
  return (
    <div class="beside">
      {sides.map((side) => (
        <figure key={side.url}>
          <img src={side.url} alt={side.name} />
          <Caption side={side} />
        </figure>
      ))}
    </div>
  );
}

/** Two pictures on each other, and a handle between them: an invisible slider, so that it works by keys. */
function Handle({ sides }: { sides: readonly Side[] }) {
  const share = useSignal(0.5);
  const ratio = useSignal(4 / 3); // width to height, of the picture at the right
  const [left, right] = sides as [Side, Side];
  return (
    <figure class="handle-view">
      <div class="handle-box" style={{ "--share": formatShare(share.value), "--ratio": ratio.value }}>
        <img
          src={right.url}
          alt={right.name}
          onLoad={(event) => (ratio.value = event.currentTarget.naturalWidth / event.currentTarget.naturalHeight)}
        />
        <img class="handle-left" src={left.url} alt={left.name} />
        <div class="handle-line" />
        <input
          type="range"
          min={0}
          max={1}
          step={0.01}
          value={share.value}
          aria-label={t("wall.divider", { left: left.name, right: right.name })}
          aria-valuetext={formatPercent(share.value)}
          onInput={(event) => (share.value = Number(event.currentTarget.value))}
          onDblClick={() => (share.value = 0.5)}
        />
      </div>
      <div class="handle-captions">
        <Caption side={left} />
        <Caption side={right} />
      </div>
    </figure>
  );
}

const formatShare = (share: number): string => `${100 * share}%`;

function Caption({ side }: { side: Side }) {
  return (
    <figcaption>
      <strong>{side.name}</strong> <span>{side.details}</span>
    </figcaption>
  );
}
