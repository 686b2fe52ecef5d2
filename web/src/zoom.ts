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

const MOST_ZOOM = 16; // and at least twice the actual size
const LEAST_ZOOM = 0.5;

export const area = signal<Box>({ left: 0, top: 0, width: 1, height: 1 }); // what the floating cards leave free
export const pixels = signal({ photo: 0, painted: 0 }); // widths of the pictures that are shown, in their own pixels

/** The picture's place in the window, in CSS pixels. */
export const frame = computed<Box>(() => {
  const { left, top, width, height } = area.value;
  const { zoom, x, y } = view.value;
  const of = photo.value ?? { width: 4, height: 3 };
  const scale = Math.min(width / of.width, height / of.height) * zoom;
  const size = { width: of.width * scale, height: of.height * scale };
  return { ...size, left: whole(left + width / 2 + x - size.width / 2), top: whole(top + height / 2 + y - size.height / 2) };
});

/** On the screen's pixels, so that at its actual size nothing of the picture is blurred. */
const whole = (place: number): number => Math.round(place * devicePixelRatio) / devicePixelRatio;

/** The width of the whole picture in screen pixels. */
export const widthOnScreen = computed(() => frame.value.width * devicePixelRatio);

/** Screen pixels for one pixel of the photo. */
export const percentOfActual = computed(() => {
  const of = photo.value;
  return of && (of.facts || of.url) ? widthOnScreen.value / of.width : 1;
});

/** Zoom by a factor around a point of the window, by default the middle. */
export function zoomBy(factor: number, at?: { x: number; y: number }): void {
  const { left, top, width, height } = area.value;
  const point = {
    x: (at?.x ?? left + width / 2) - left - width / 2,
    y: (at?.y ?? top + height / 2) - top - height / 2,
  };
  const { zoom, x, y } = view.value;
  const most = Math.max(MOST_ZOOM, (2 * zoom) / percentOfActual.value);
  const next = Math.min(most, Math.max(LEAST_ZOOM, zoom * factor));
  const ratio = next / zoom;
  view.value = held({ zoom: next, x: point.x - (point.x - x) * ratio, y: point.y - (point.y - y) * ratio });
}

export function panBy(dx: number, dy: number): void {
  const { zoom, x, y } = view.value;
  view.value = held({ zoom, x: x + dx, y: y + dy });
}

/** One pixel of the photo is one of the screen. */
export const actualSize = (): void => zoomBy(1 / percentOfActual.value);

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
