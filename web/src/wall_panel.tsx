// The wall of what was made.
import { untracked, useSignal, useSignalEffect } from "@preact/signals";
import type { Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { JobFacts } from "../../src/brushwork/studio/v1/client.js";
import { togglePanel } from "./actions";
import { checkLogin, wordsOf } from "./api";
import { AlertIcon, CheckIcon, CloseIcon } from "./icons";
import { jobWords } from "./job_words";
import { ended } from "./queue";
import { SearchField } from "./search_field";
import { shown } from "./state";
import { t } from "./texts";
import {
  bringBack,
  failure,
  kind,
  KINDS,
  leaving,
  loadMore,
  loadWall,
  loading,
  more,
  refreshWall,
  search,
  searchFor,
  showKind,
  works,
} from "./wall";
import { WallCard } from "./wall_card";
import { WorkView } from "./wall_view";
import { IconButton } from "./widgets";
import { ColumnsIcon, WallIcon } from "./work_icons";
import "./wall.css";

export function Wall() {
  const picked = useSignal<readonly JobFacts[]>([]); // to compare, two at most
  const viewed = useSignal<readonly JobFacts[]>([]); // one, or two side by side
  const said = useSignal(""); // what was done, read aloud
  useSignalEffect(() => {
    // whenever another picture is done, on the stage or in the tray
    void [ended.value, shown.value.phase === "done" && shown.value.job];
    untracked(() => void refreshWall());
  });
  const act = async (doing: () => Promise<void>, words = ""): Promise<void> => {
    try {
      await doing();
      said.value = words;
    } catch (error) {
      checkLogin(error);
      failure.value = wordsOf(error);
    }
  };
  if (viewed.value.length > 0) return <WorkView works={viewed.value} onBack={() => (viewed.value = [])} act={act} />;
  const pick = (job: JobFacts): void => {
    const others = picked.value.filter((other) => other.id !== job.id);
    picked.value = others.length < picked.value.length ? others : [...others, job].slice(-2);
  };
  return (
    <div class="wall">
      <WallHead />
      {failure.value && (
        <p class="wall-line error" role="alert">
          <AlertIcon size={18} /> <span>{failure.value}</span>
          <button type="button" class="link" onClick={() => void loadWall(true)}>
            {t("retry")}
          </button>
        </p>
      )}
      <ul class="works">
        {works.value.map((job) => (
          <WallCard
            key={job.id}
            job={job}
            picked={picked.value.some((other) => other.id === job.id)}
            onPick={() => pick(job)}
            onView={() => (viewed.value = [job])}
            act={act}
          />
        ))}
      </ul>
      {works.value.length === 0 && !failure.value && <Empty />}
      {more.value && <More />}
      <Foot picked={picked} viewed={viewed} said={said} />
    </div>
  );
}

function WallHead() {
  return (
    <div class="wall-head">
      <SearchField label={t("wall.search")} value={search.value} onInput={searchFor} />
      <div class="filters" role="group" aria-label={t("wall.kinds")}>
        {KINDS.map((one) => (
          <button key={one} type="button" class="chip" aria-pressed={kind.value === one} onClick={() => showKind(one)}>
            {t(one === "" ? "wall.all" : `kind.${one}`)}
          </button>
        ))}
      </div>
    </div>
  );
}

function Empty() {
  if (loading.value)
    return (
      <ul class="works" aria-hidden="true">
        {Array.from({ length: 8 }, (_, number) => (
          <li key={number} class="work ghost" />
        ))}
      </ul>
    );
  const filtered = kind.value !== "" || search.value.trim() !== "";
  return (
    <div class="wall-empty">
      <WallIcon size={56} />
      <h3>{t(filtered ? "wall.none" : "wall.empty")}</h3>
      <p>{t(filtered ? "wall.none.hint" : "wall.empty.hint")}</p>
      {!filtered && (
        <button type="button" class="button primary" onClick={() => togglePanel("wall")}>
          {t("wall.begin")}
        </button>
      )}
    </div>
  );
}

/** Loads the next part as soon as it comes into sight, or by a click. */
function More() {
  const ref = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) void loadMore();
    });
    if (ref.current) observer.observe(ref.current);
    return () => observer.disconnect();
  }, [more.value]);
  return (
    <button ref={ref} type="button" class="button wall-more" disabled={loading.value} onClick={() => void loadMore()}>
      {t("wall.more")}
    </button>
  );
}

/** A line at the bottom: two to compare, what was done, or what was deleted and can come back. */
function Foot({
  picked,
  viewed,
  said,
}: {
  picked: Signal<readonly JobFacts[]>;
  viewed: Signal<readonly JobFacts[]>;
  said: Signal<string>;
}) {
  const count = picked.value.length;
  const gone = leaving.value;
  return (
    <div class="wall-foot">
      <div role="status">
        {gone && (
          <p class="wall-line">
            <span>{t("wall.deleted", { job: jobWords(gone) })}</span>
            <button type="button" class="button" onClick={bringBack}>
              {t("wall.undo")}
            </button>
          </p>
        )}
        {!gone && said.value && (
          <p class="wall-line">
            <CheckIcon size={18} />
            <span>{said.value}</span>
            <IconButton icon={CloseIcon} label={t("close")} size={16} onClick={() => (said.value = "")} />
          </p>
        )}
      </div>
      {count > 0 && (
        <p class="wall-line">
          <span>{t(count === 1 ? "wall.picked.one" : "wall.picked.two")}</span>
          <button type="button" class="button" onClick={() => (picked.value = [])}>
            {t("cancel")}
          </button>
          <button
            type="button"
            class="button primary"
            disabled={count < 2}
            onClick={() => (viewed.value = picked.value)}
          >
            <ColumnsIcon /> {t("wall.compare")}
          </button>
        </p>
      )}
    </div>
  );
}
