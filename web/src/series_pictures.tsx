// The pictures of a series, to look at one of them beside its photo.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { ComponentChildren } from "preact";
import type { JobFacts, SeriesPicture } from "../../src/brushwork/studio/v1/client.js";
import { checkLogin, studio } from "./api";
import { persistently } from "./connection";
import { t } from "./texts";

interface Props {
  job: JobFacts;
  onChoose: (picture: SeriesPicture) => void;
  children: ComponentChildren; // instead, for a series that an earlier studio painted
}

export const seriesPictureUrl = (job: JobFacts, { number }: SeriesPicture): string =>
  `/api/v1/jobs/${job.id}/pictures/${number}`;

/** What a picture is called; its photo's name may be gone. */
export const seriesPictureName = ({ name, number }: SeriesPicture): string => name || String(number);

export function SeriesPictures({ job, onChoose, children }: Props) {
  const pictures = useSignal<readonly SeriesPicture[] | null>(null);
  useEffect(() => {
    persistently(() => studio.series(job.id)).then(
      (found) => (pictures.value = found),
      (error: unknown) => {
        checkLogin(error);
        pictures.value = [];
      },
    );
  }, [job.id]);
  if (pictures.value?.length === 0) return <>{children}</>;
  return (
    <ul class="series-pictures" aria-label={t("wall.series")} aria-busy={pictures.value === null}>
      {pictures.value?.map((picture) => (
        <li key={picture.number}>
          <button
            type="button"
            class="work-picture"
            aria-label={t("wall.view", { job: seriesPictureName(picture) })}
            onClick={() => onChoose(picture)}
          >
            <img src={seriesPictureUrl(job, picture)} alt="" loading="lazy" />
          </button>
          <span class="series-name" title={picture.name}>
            {seriesPictureName(picture)}
          </span>
        </li>
      ))}
    </ul>
  );
}
