// The timeline of a film, above the styles: frames, cuts, keyframes, painted frames and the playhead.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import {
  cuts,
  fetchFrames,
  film,
  framesUrl,
  frameAt,
  playhead,
  playing,
  playTime,
  secondsOf,
  seek,
  timeText,
} from "./film";
import {
  addKeyframe,
  keyframeFor,
  keyframeText,
  moveKeyframe,
  nearCut,
  paintFrame,
  placeForKeyframe,
  removeKeyframe,
  selectKeyframe,
} from "./film_look";
import { clipWaiting, playClip } from "./film_making";
import { FilmStatus } from "./film_status";
import { BrushIcon, KeyframeIcon, PlayIcon, StopIcon } from "./icons";
import { recipe } from "./state";
import { t } from "./texts";
import "./timeline.css";

const TALL = 56; // of the track, in pixels
const STEP = 120; // px by which the track grows before other frames are asked for
const NEAR = 6; // px from a keyframe within which a click on the track is meant for it
const STILL = 4; // px that a pointer may move and still clicks

const trackWidth = signal(0);

export function Timeline() {
  if (!film.value) return null;
  return (
    <section class="timeline card" aria-label={t("film.timeline")}>
      <header class="timeline-head">
        <PlayButton />
        <Time />
        <span class="spacer" />
        <FilmStatus />
        <button
          type="button"
          class="chip"
          aria-label={t("film.keyframe.add")}
          title={t("film.keyframe.hint")}
          aria-keyshortcuts="K"
          disabled={placeForKeyframe() === null}
          onClick={addKeyframe}
        >
          <KeyframeIcon size={16} /> <span class="timeline-word">{t("film.keyframe.add")}</span>
        </button>
        <button
          type="button"
          class="chip"
          aria-label={t("film.painted.add")}
          title={t("film.painted.hint")}
          disabled={recipe.value.paintedFrames.some((one) => one.frame === playhead.value)}
          onClick={paintFrame}
        >
          <BrushIcon size={16} /> <span class="timeline-word">{t("film.painted.add")}</span>
        </button>
      </header>
      <Track />
    </section>
  );
}

function PlayButton() {
  const plays = playing.value !== null;
  const label = t(clipWaiting.value ? "film.clip.waiting" : plays ? "film.stop" : "film.clip");
  return (
    <button
      type="button"
      class="chip play"
      aria-keyshortcuts="P"
      aria-label={label}
      title={t("film.clip.hint")}
      aria-busy={clipWaiting.value}
      onClick={() => void playClip()}
    >
      {plays ? <StopIcon size={16} /> : <PlayIcon size={16} />}{" "}
      <span class="timeline-play" aria-live="polite">
        {label}
      </span>
    </button>
  );
}

function Time() {
  const own = film.value;
  if (!own) return null;
  const now = playing.value ? playTime.value : secondsOf(playhead.value);
  return (
    <span class="timeline-time">
      {timeText(now)} <span class="quiet desk-inline">/ {timeText(secondsOf(own.frames))}</span>
    </span>
  );
}

function Track() {
  const track = useRef<HTMLDivElement>(null);
  const clicked = useRef(0); // where the pointer went down
  const own = film.value;
  useEffect(() => {
    const element = track.current;
    if (!element) return;
    const observer = new ResizeObserver(() => (trackWidth.value = Math.ceil(element.clientWidth / STEP) * STEP));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const count = own ? Math.min(60, Math.max(2, Math.round(trackWidth.value / (TALL * (own.width / own.height))))) : 0;
  const ready = trackWidth.value > 0;
  useEffect(() => {
    if (own && ready) void fetchFrames(own.id, count);
  }, [own?.id, count, ready]);
  if (!own) return null;
  return (
    <div
      class="track"
      ref={track}
      data-drop="timeline"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        clicked.current = event.clientX;
        seek(keyframeUnder(event.clientX) ?? frameUnder(event.clientX));
      }}
      onPointerMove={(event) => {
        const drags = event.currentTarget.hasPointerCapture(event.pointerId);
        if (drags && Math.abs(event.clientX - clicked.current) >= STILL) seek(frameUnder(event.clientX));
      }}
    >
      {framesUrl.value && <img class="track-frames" src={framesUrl.value} alt="" draggable={false} />}
      {cuts.value.map((seconds) => (
        <span
          key={seconds}
          class="cut"
          title={t("film.cut", { time: timeText(seconds) })}
          style={{ left: place(frameAt(seconds)) }}
        />
      ))}
      {recipe.value.paintedFrames.map((one) => (
        <span
          key={one.frame}
          class="painted-mark"
          title={t("film.painted.at", { time: timeText(secondsOf(one.frame)) })}
          style={{ left: place(one.frame) }}
        >
          <BrushIcon size={12} />
        </span>
      ))}
      {recipe.value.keyframes.map((key, number) => (
        <KeyframeMark key={number} number={number} frame={frameAt(key.seconds)} />
      ))}
      <Playhead />
    </div>
  );
}

/** Where a frame lies on the track. */
function place(frame: number): string {
  const last = Math.max(1, (film.value?.frames ?? 1) - 1);
  return `${(100 * Math.min(frame, last)) / last}%`;
}

/** The frame under a point of the window. */
export function frameUnder(x: number): number {
  const box = document.querySelector(".track")?.getBoundingClientRect();
  return box ? ((x - box.left) / box.width) * ((film.value?.frames ?? 1) - 1) : 0;
}

/** The frame of a keyframe near a point of the window. */
function keyframeUnder(x: number): number | undefined {
  const width = document.querySelector(".track")?.clientWidth ?? 1;
  const reach = (NEAR / width) * ((film.value?.frames ?? 1) - 1);
  const frames = recipe.value.keyframes.map((key) => frameAt(key.seconds));
  return frames.find((frame) => Math.abs(frame - frameUnder(x)) <= reach);
}

/** By how many frames a key moves something on the track. */
function stepOf(event: KeyboardEvent, at: number): number | undefined {
  const own = film.value;
  const second = Math.round(own?.rate ?? 25);
  const last = (own?.frames ?? 1) - 1;
  return {
    ArrowLeft: at - 1,
    ArrowDown: at - 1,
    ArrowRight: at + 1,
    ArrowUp: at + 1,
    PageDown: at - second,
    PageUp: at + second,
    Home: 0,
    End: last,
  }[event.key];
}

function Playhead() {
  const frame = playing.value ? frameAt(playTime.value) : playhead.value;
  return (
    <div
      class={playing.value ? "playhead playing" : "playhead"}
      style={{ left: place(frame) }}
      role="slider"
      tabIndex={0}
      aria-label={t("film.playhead")}
      aria-valuemin={0}
      aria-valuemax={(film.value?.frames ?? 1) - 1}
      aria-valuenow={frame}
      aria-valuetext={timeText(secondsOf(frame))}
      onKeyDown={(event) => {
        const to = stepOf(event, playhead.value);
        if (to === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        seek(to);
      }}
    />
  );
}

function KeyframeMark({ number, frame }: { number: number; frame: number }) {
  const key = recipe.value.keyframes[number];
  const dragged = useRef<number | null>(null); // the number that the keyframe has now
  const mark = useRef<HTMLDivElement>(null);
  if (!key) return null;
  const selected = number === keyframeFor(recipe.value.keyframes, playhead.value) && !playing.value;
  const keys = (event: KeyboardEvent): void => {
    const to = stepOf(event, event.shiftKey ? frame : playhead.value);
    if (event.key === "Delete" || event.key === "Backspace") removeKeyframe(number);
    else if (event.key === "Enter" || event.key === " ") selectKeyframe(number);
    else if (to === undefined) return;
    else if (event.shiftKey) {
      const now = moveKeyframe(number, to);
      selectKeyframe(now);
      mark.current?.parentElement?.querySelectorAll<HTMLElement>(".keyframe")[now]?.focus(); // it may have passed one
    } else seek(to);
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      ref={mark}
      class={selected ? "keyframe selected" : "keyframe"}
      style={{ left: place(frame) }}
      role="slider"
      tabIndex={0}
      title={`${keyframeText(key)} · ${t("film.keyframe.keys")}`}
      aria-label={t("film.keyframe.named", { look: keyframeText(key) })}
      aria-keyshortcuts="Shift+ArrowLeft Shift+ArrowRight Delete"
      aria-valuemin={0}
      aria-valuemax={(film.value?.frames ?? 1) - 1}
      aria-valuenow={frame}
      aria-valuetext={timeText(key.seconds)}
      onKeyDown={keys}
      onPointerDown={(event) => {
        event.stopPropagation();
        dragged.current = number;
        selectKeyframe(number);
        const move = (moved: PointerEvent): void => {
          if (dragged.current === null || Math.abs(moved.clientX - event.clientX) < STILL) return;
          dragged.current = moveKeyframe(dragged.current, nearCut(Math.round(frameUnder(moved.clientX))));
        };
        const end = (): void => {
          if (dragged.current !== null) selectKeyframe(dragged.current);
          dragged.current = null;
          removeEventListener("pointermove", move);
        };
        addEventListener("pointermove", move); // the mark is drawn anew while it moves
        addEventListener("pointerup", end, { once: true });
        addEventListener("pointercancel", end, { once: true });
      }}
    >
      <KeyframeIcon size={18} />
    </div>
  );
}
