// The picture: fills the window, with before and after, zoom and pan.
import { computed } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { divideAt } from "./actions";
import { correcting } from "./faces";
import { film } from "./film";
import { FilmPlayer } from "./film_player";
import { forgetFullSize, fullSizeJob } from "./full_size";
import { PANELS } from "./panels";
import { comparing, divided, glimpse, original, panel, photo, shown } from "./state";
import { ProgressRing } from "./progress_ring";
import { formatPercent, t } from "./texts";
import { TileLayer } from "./tile_layer";
import { Welcome } from "./welcome";
import { area, frame, panBy, pixels, widthOnScreen, zoomBy, zoomToFit } from "./zoom";
import "./stage.css";

const STEP = 60; // pixels that an arrow key moves the picture

export function Stage() {
  const free = useRef<HTMLDivElement>(null);
  const stage = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = free.current;
    if (!element) return;
    const measure = (): void => {
      const { left, top, width, height } = element.getBoundingClientRect();
      area.value = { left, top, width, height };
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    addEventListener("resize", measure);
    return () => {
      observer.disconnect();
      removeEventListener("resize", measure);
    };
  }, []);
  useEffect(() => (stage.current ? followPointers(stage.current) : undefined), []);
  return (
    <main class="stage" ref={stage} aria-label={t("stage")} onDblClick={zoomToFit}>
      <div class="free-area" ref={free} />
      {photo.value ? (
        <>
          <h1 class="hidden">{t("title")}</h1>
          <Frame />
          <EnlargedNote />
          <ProgressRing />
        </>
      ) : (
        <Welcome />
      )}
    </main>
  );
}

/** What is shown of the painting: a style that is pointed at, or the picture; null while the photo is shown. */
const paintedUrl = computed(() => (original.value ? null : (glimpse.value ?? shown.value.url)));

/** Whether a picture of this width has fewer pixels than the screen shows of it, and the photo has more. */
const isEnlarged = (width: number): boolean =>
  !film.value && width > 0 && width < (photo.value?.facts?.width ?? 0) && widthOnScreen.value > 1.02 * width;

function Frame() {
  const { left, top, width, height } = frame.value;
  const source = photo.value;
  const painted = paintedUrl.value;
  const open = PANELS.find((one) => one.id === panel.value);
  const Layer = open?.layer;
  const clip = comparing.value ? { clipPath: `inset(0 0 0 ${divided.value * 100}%)` } : {};
  const isBare = comparing.value || !painted;
  const isGlimpse = glimpse.value !== null && !original.value;
  const below = painted && !isGlimpse ? shown.value.before : null; // what the picture fades over
  const full = painted && !glimpse.value && isEnlarged(pixels.value.painted) ? fullSizeJob.value : null;
  return (
    <div
      class="frame"
      role="group"
      tabIndex={Layer && isBrushed() ? -1 : 0}
      aria-label={t("stage.frame")}
      aria-description={t("stage.keys")}
      onKeyDown={pan}
      style={{ left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` }}
    >
      {source?.url && (
        <img
          class="picture"
          src={source.url}
          alt={t("stage.photo", { name: source.name })}
          draggable={false}
          onLoad={(event) => (pixels.value = { ...pixels.value, photo: event.currentTarget.naturalWidth })}
        />
      )}
      {source?.facts && isBare && isEnlarged(pixels.value.photo) && (
        <TileLayer key={source.facts.id} of="uploads" id={source.facts.id} />
      )}
      {below && <img class="picture" src={below} style={clip} alt="" draggable={false} />}
      {painted && (
        <img
          class={`picture painted ${isGlimpse ? "soft" : below ? "finer" : ""}`}
          src={painted}
          onAnimationEnd={faded}
          data-quality={isGlimpse ? undefined : shown.value.quality}
          style={clip}
          alt={t("stage.painted", { name: source?.name ?? "" })}
          draggable={false}
          onLoad={(event) => (pixels.value = { ...pixels.value, painted: event.currentTarget.naturalWidth })}
        />
      )}
      {full && <TileLayer key={full} of="jobs" id={full} clip={clip} onGone={() => forgetFullSize(full)} />}
      <FilmPlayer />
      {comparing.value && painted && <Divider />}
      {Layer && (
        <div class="layer">
          <Layer />
        </div>
      )}
    </div>
  );
}

/** What the picture has faded over is done with. */
const faded = (): void => {
  if (shown.value.before !== null) shown.value = { ...shown.value, before: null };
};

/** Whether the open panel has a brush, whose layer the keyboard reaches in place of the picture. */
const isBrushed = (): boolean => panel.value === "masks" || (panel.value === "faces" && correcting.value);

/** Arrow keys move the picture; in a film, they step through its frames. */
function pan(event: KeyboardEvent): void {
  const by = { ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] }[event.key];
  if (!by || film.value || event.target !== event.currentTarget) return;
  event.preventDefault();
  panBy(by[0] ?? 0, by[1] ?? 0);
}

/** Says quietly that the painting has fewer pixels than are shown, while its full size was not painted yet. */
function EnlargedNote() {
  const isDone = shown.value.phase === "done" && paintedUrl.value !== null && !glimpse.value;
  const isSmall = isDone && isEnlarged(pixels.value.painted) && !fullSizeJob.value;
  return <p class="enlarged" role="status">{isSmall && t("stage.enlarged")}</p>;
}

/** The line between before and after. */
function Divider() {
  const step = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1 }[event.key];
    if (event.key === "Home") divideAt(0);
    else if (event.key === "End") divideAt(1);
    else if (by) divideAt(divided.value + by);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const drag = (event: PointerEvent): void => {
    if (!(event.currentTarget as Element).hasPointerCapture(event.pointerId)) return;
    divideAt((event.clientX - frame.value.left) / frame.value.width);
  };
  return (
    <div class="divider" style={{ left: `${divided.value * 100}%` }}>
      <div
        class="divider-handle"
        role="slider"
        tabIndex={0}
        aria-label={t("compare.divider")}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(divided.value * 100)}
        aria-valuetext={formatPercent(divided.value)}
        onKeyDown={step}
        onPointerDown={(event) => {
          event.stopPropagation();
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={drag}
        onDblClick={(event) => {
          event.stopPropagation();
          divideAt(0.5);
        }}
      />
      <span class="tag before">{t("before")}</span>
      <span class="tag after">{t("after")}</span>
    </div>
  );
}

/** Pan with one pointer, pinch with two, zoom with the wheel; a touchpad's pinch is a wheel with Control. */
function followPointers(stage: HTMLElement): () => void {
  const pointers = new Map<number, { x: number; y: number }>();
  const spread = (): { x: number; y: number; size: number } => {
    const [a, b] = [...pointers.values()];
    if (!a || !b) return { x: a?.x ?? 0, y: a?.y ?? 0, size: 1 };
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, size: Math.hypot(a.x - b.x, a.y - b.y) || 1 };
  };
  const down = (event: PointerEvent): void => {
    if (event.button > 0 || (event.target as Element).closest(".layer, .welcome, button")) return;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    stage.setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent): void => {
    if (!pointers.has(event.pointerId)) return;
    const before = spread();
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const now = spread();
    panBy(now.x - before.x, now.y - before.y);
    if (pointers.size === 2) zoomBy(now.size / before.size, now);
  };
  const up = (event: PointerEvent): void => void pointers.delete(event.pointerId);
  const wheel = (event: WheelEvent): void => {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    zoomBy(Math.exp((-event.deltaY * lines) / (event.ctrlKey ? 100 : 500)), { x: event.clientX, y: event.clientY });
  };
  const all = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: up } as const;
  for (const [name, listener] of Object.entries(all)) stage.addEventListener(name, listener as EventListener);
  stage.addEventListener("wheel", wheel, { passive: false });
  return () => {
    for (const [name, listener] of Object.entries(all)) stage.removeEventListener(name, listener as EventListener);
    stage.removeEventListener("wheel", wheel);
  };
}
