// Masks over the picture, and the brush that paints them: mouse, pen, finger and keys. Two fingers pan and zoom.
import { useSignal, useSignalEffect } from "@preact/signals";
import type { Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Colors } from "./color_flood";
import type { Mask, Part, Spot } from "./mask";
import { wholeOf } from "./mask";
import { maskSize } from "./mask_files";
import { brushSize, MOST_TOLERANCE, photoColors, resizeBrush, radiusIn, Stroke, tolerance, tool } from "./mask_tools";
import type { Editor } from "./mask_tools";
import { t } from "./texts";
import { frame, panBy, zoomBy } from "./zoom";
import "./mask_layer.css";

const COVER = 0.6; // how much of the picture a tint covers
const SETTLED = 700; // ms after the last key that paints until its stroke ends

export function MaskLayer({ editor, label }: { editor: Editor; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const layer = useRef<HTMLDivElement>(null);
  const spot = useSignal<Spot | null>(null); // of the brush
  useSignalEffect(() => {
    const masks = editor.masks();
    const size = masks[0] ?? maskSize();
    if (canvas.current) draw(canvas.current, editor, masks, wholeOf({ ...size, values: new Uint8ClampedArray() }));
  });
  useEffect(() => (layer.current && canvas.current ? followBrush(layer.current, canvas.current, editor, spot) : undefined), [editor]);
  return (
    <div class="mask-layer" ref={layer} role="application" tabIndex={0} aria-label={label} aria-description={t("masks.keys")}>
      <canvas ref={canvas} aria-hidden />
      {spot.value && <BrushRing spot={spot.value} />}
    </div>
  );
}

function BrushRing({ spot }: { spot: Spot }) {
  const { width, height } = maskSize();
  const across = tool.value === "select" ? 8 : brushSize.value * Math.max(frame.value.width, frame.value.height);
  return (
    <span
      class="brush-ring"
      style={{ left: `${(100 * spot.x) / width}%`, top: `${(100 * spot.y) / height}%`, width: `${across}px`, height: `${across}px` }}
    />
  );
}

/** Draw a part of the masks in their tints. */
function draw(canvas: HTMLCanvasElement, editor: Editor, masks: readonly Mask[], { left, top, right, bottom }: Part): void {
  const { width, height } = masks[0] ?? maskSize();
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  if (!context || right <= left || bottom <= top) return;
  if (masks.length === 0) return context.clearRect(0, 0, width, height);
  const image = context.createImageData(right - left, bottom - top);
  const sums = new Float32Array(4 * (right - left) * (bottom - top)); // red, green, blue, and the sum of the masks
  masks.forEach((mask, number) => {
    const [red, green, blue] = editor.tints[number % editor.tints.length] ?? [0, 0, 0];
    for (let y = top, to = 0; y < bottom; y += 1) {
      for (let at = y * width + left; at < y * width + right; at += 1, to += 4) {
        const value = mask.values[at] as number;
        if (value === 0) continue;
        sums[to] = (sums[to] as number) + value * red;
        sums[to + 1] = (sums[to + 1] as number) + value * green;
        sums[to + 2] = (sums[to + 2] as number) + value * blue;
        sums[to + 3] = (sums[to + 3] as number) + value;
      }
    }
  });
  for (let at = 0; at < sums.length; at += 4) {
    const sum = sums[at + 3] as number;
    if (sum === 0) continue;
    for (let channel = 0; channel < 3; channel += 1) image.data[at + channel] = (sums[at + channel] as number) / sum;
    image.data[at + 3] = COVER * sum;
  }
  context.putImageData(image, left, top);
}

/** Paint with pointers and keys. */
function followBrush(layer: HTMLElement, canvas: HTMLCanvasElement, editor: Editor, spot: Signal<Spot | null>): () => void {
  let stroke: Stroke | null = null;
  let selecting: { colors: Colors; from: Spot; x: number } | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const pointers = new Map<number, { x: number; y: number }>();

  const begin = (): Stroke => (stroke ??= new Stroke(editor, (masks, part) => draw(canvas, editor, masks, part)));
  const end = (): void => {
    clearTimeout(timer);
    const ended = stroke;
    stroke = selecting = null;
    ended?.end();
  };
  const cancel = (): void => {
    stroke?.cancel();
    stroke = selecting = null;
  };
  const spotOf = (event: { clientX: number; clientY: number }): Spot => {
    const box = layer.getBoundingClientRect();
    const { width, height } = maskSize();
    return { x: ((event.clientX - box.left) / box.width) * width, y: ((event.clientY - box.top) / box.height) * height };
  };
  const select = async (from: Spot, x = 0): Promise<void> => {
    const started = begin();
    const colors = await photoColors();
    if (stroke !== started) return;
    selecting = { colors, from, x };
    started.select(colors, from);
  };
  const down = (event: PointerEvent): void => {
    if (event.button > 0) return;
    layer.setPointerCapture(event.pointerId);
    layer.focus({ preventScroll: true });
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (pointers.size > 1) return cancel();
    end(); // of the keyboard's stroke
    spot.value = spotOf(event);
    if (tool.value === "select") void select(spot.value, event.clientX);
    else begin().to(spot.value);
  };
  const move = (event: PointerEvent): void => {
    if (pointers.size > 1) return pinch(pointers, event);
    if (event.pointerType !== "touch" || pointers.size > 0) spot.value = spotOf(event);
    if (!stroke || !pointers.has(event.pointerId)) return;
    if (selecting) {
      // Dragged to the right, more is selected; to the left, less.
      const within = tolerance.value + (event.clientX - selecting.x) / 6;
      stroke.select(selecting.colors, selecting.from, Math.min(MOST_TOLERANCE, Math.max(2, within)));
    } else if (tool.value !== "select") for (const one of event.getCoalescedEvents?.() ?? [event]) stroke.to(spotOf(one));
  };
  const up = (event: PointerEvent): void => {
    const painted = pointers.size === 1;
    pointers.delete(event.pointerId);
    if (event.pointerType === "touch") spot.value = null;
    if (!painted) return;
    if (event.type === "pointercancel") cancel();
    else if (tool.value === "select" && stroke && !selecting) void photoColors().then(() => queueMicrotask(end)); // not read yet
    else end();
  };
  const keys = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const size = maskSize();
    const by = Math.max(1, radiusIn(size) / 2);
    const at = spot.value ?? { x: size.width / 2, y: size.height / 2 };
    const [dx, dy] = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[event.key] ?? [0, 0];
    const paints = event.key === "Enter" || event.key === " " || (event.shiftKey && Boolean(dx || dy));
    if (event.key === "[" || event.key === "]") resizeBrush(event.key === "]" ? 1.2 : 1 / 1.2);
    else if (dx || dy || paints) spot.value = { x: Math.min(size.width, Math.max(0, at.x + (dx ?? 0))), y: Math.min(size.height, Math.max(0, at.y + (dy ?? 0))) };
    else return;
    event.preventDefault();
    event.stopPropagation();
    if (!paints || !spot.value) return;
    clearTimeout(timer);
    if (tool.value === "select") return void (event.repeat || select(spot.value).then(end));
    if (!stroke) begin().to(at);
    stroke?.to(spot.value);
    timer = setTimeout(end, SETTLED);
  };
  const leave = (event: PointerEvent): void => {
    if (pointers.size === 0 && event.pointerType === "mouse") spot.value = null;
  };
  const all = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: up, pointerleave: leave, keydown: keys, blur: end };
  for (const [name, listener] of Object.entries(all)) layer.addEventListener(name, listener as EventListener);
  return () => {
    end();
    for (const [name, listener] of Object.entries(all)) layer.removeEventListener(name, listener as EventListener);
  };
}

/** Pan and zoom with two fingers. */
function pinch(pointers: Map<number, { x: number; y: number }>, event: PointerEvent): void {
  const spread = (): { x: number; y: number; size: number } => {
    const [a, b] = [...pointers.values()] as [{ x: number; y: number }, { x: number; y: number }];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, size: Math.hypot(a.x - b.x, a.y - b.y) || 1 };
  };
  if (!pointers.has(event.pointerId)) return;
  const before = spread();
  pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  const now = spread();
  panBy(now.x - before.x, now.y - before.y);
  zoomBy(now.size / before.size, now);
}
