// Where the picture lies in the window: fitted into what the floating cards leave free, times zoom, plus pan.
import { computed, signal } from "@preact/signals";
import { resetView } from "./actions";
import { photo, view } from "./state";
import type { View } from "./state";

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const MOST_ZOOM = 16;
const LEAST_ZOOM = 0.5;

export const area = signal<Box>({ left: 0, top: 0, width: 1, height: 1 }); // what the floating cards leave free
export const naturalWidth = signal(0); // of the picture that is shown, in its own pixels

/** The picture's place in the window, in CSS pixels. */
export const frame = computed<Box>(() => {
  const { left, top, width, height } = area.value;
  const { zoom, x, y } = view.value;
  const of = photo.value ?? { width: 4, height: 3 };
  const scale = Math.min(width / of.width, height / of.height) * zoom;
  const size = { width: of.width * scale, height: of.height * scale };
  return { ...size, left: left + width / 2 + x - size.width / 2, top: top + height / 2 + y - size.height / 2 };
});

/** Screen pixels for one pixel of the picture. */
export const percentOfActual = computed(() =>
  naturalWidth.value ? (frame.value.width * devicePixelRatio) / naturalWidth.value : 1,
);

/** Zoom by a factor around a point of the window, by default the middle. */
export function zoomBy(factor: number, at?: { x: number; y: number }): void {
  const { left, top, width, height } = area.value;
  const point = {
    x: (at?.x ?? left + width / 2) - left - width / 2,
    y: (at?.y ?? top + height / 2) - top - height / 2,
  };
  const { zoom, x, y } = view.value;
  const next = Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, zoom * factor));
  const ratio = next / zoom;
  view.value = held({ zoom: next, x: point.x - (point.x - x) * ratio, y: point.y - (point.y - y) * ratio });
}

export function panBy(dx: number, dy: number): void {
  const { zoom, x, y } = view.value;
  view.value = held({ zoom, x: x + dx, y: y + dy });
}

/** One pixel of the picture is one of the screen. */
export function actualSize(): void {
  if (naturalWidth.value) zoomBy(1 / percentOfActual.value);
}

export const zoomToFit = resetView;

/** A view that leaves at least a quarter of the area to the picture. */
function held(next: View): View {
  const { width, height } = area.value;
  const of = photo.value ?? { width: 4, height: 3 };
  const scale = Math.min(width / of.width, height / of.height) * next.zoom;
  const most = { x: (of.width * scale + width) / 2 - width / 4, y: (of.height * scale + height) / 2 - height / 4 };
  const within = (value: number, limit: number): number => Math.min(limit, Math.max(-limit, value));
  return { zoom: next.zoom, x: within(next.x, most.x), y: within(next.y, most.y) };
}
