// The brush over the picture: mouse, pen, finger and keys become strokes. Two fingers pan and zoom.
import type { Signal } from "@preact/signals";
import type { Colors } from "./color_flood";
import type { Mask, Part, Spot } from "./mask";
import { maskSize } from "./mask_files";
import { MOST_TOLERANCE, photoColors, radiusIn, resizeBrush, Stroke, tolerance, tool } from "./mask_tools";
import type { Editor } from "./mask_tools";
import { panBy, zoomBy } from "./zoom";

const SETTLED = 700; // ms after the last key that paints until its stroke ends
const PIXELS_PER_STEP = 6; // dragged to the right while selecting, for one step of tolerance more
const ARROWS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

interface Point {
  readonly x: number; // pixels of the window
  readonly y: number;
}

export class MaskBrush {
  private stroke: Stroke | null = null;
  private selecting: { colors: Colors; from: Spot; x: number } | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly pointers = new Map<number, Point>();

  /**
   * @param layer what is painted on, with the size of the picture
   * @param spot where the brush is, in pixels of the masks; null: not over the picture
   * @param draw shows a part of masks that are not finished
   */
  constructor(
    private readonly layer: HTMLElement,
    private readonly editor: Editor,
    private readonly spot: Signal<Spot | null>,
    private readonly draw: (masks: readonly Mask[], part: Part) => void,
  ) {}

  /** Follow pointers and keys, until the returned function is called. */
  listen(): () => void {
    const listeners = {
      pointerdown: this.down,
      pointermove: this.move,
      pointerup: this.up,
      pointercancel: this.up,
      pointerleave: this.leave,
      keydown: this.press,
      blur: this.end,
    };
    const all = Object.entries(listeners) as [string, EventListener][];
    for (const [name, listener] of all) this.layer.addEventListener(name, listener);
    return () => {
      this.end();
      for (const [name, listener] of all) this.layer.removeEventListener(name, listener);
    };
  }

  private begin(): Stroke {
    this.layer.toggleAttribute("data-brushing", true);
    return (this.stroke ??= new Stroke(this.editor, this.draw));
  }

  private readonly end = (): void => {
    clearTimeout(this.timer);
    const ended = this.stroke;
    this.stroke = this.selecting = null;
    this.layer.toggleAttribute("data-brushing", false);
    ended?.end();
  };

  private cancel(): void {
    this.stroke?.cancel();
    this.stroke = this.selecting = null;
    this.layer.toggleAttribute("data-brushing", false);
  }

  private spotOf(event: { clientX: number; clientY: number }): Spot {
    const { left, top, width, height } = this.layer.getBoundingClientRect();
    const size = maskSize();
    return { x: ((event.clientX - left) / width) * size.width, y: ((event.clientY - top) / height) * size.height };
  }

  private async select(from: Spot, x = 0): Promise<void> {
    const started = this.begin();
    const colors = await photoColors();
    if (this.stroke !== started) return;
    this.selecting = { colors, from, x };
    started.select(colors, from);
  }

  private readonly down = (event: PointerEvent): void => {
    if (event.button > 0 || !this.editor.ready()) return;
    this.layer.setPointerCapture(event.pointerId);
    this.layer.focus({ preventScroll: true });
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.pointers.size > 1) return this.cancel();
    this.end(); // what keys have painted
    this.spot.value = this.spotOf(event);
    if (tool.value === "select") void this.select(this.spot.value, event.clientX);
    else this.begin().to(this.spot.value);
  };

  private readonly move = (event: PointerEvent): void => {
    if (this.pointers.size > 1) return this.pinch(event);
    if (event.pointerType !== "touch" || this.pointers.size > 0) this.spot.value = this.spotOf(event);
    const { stroke, selecting } = this;
    if (!stroke || !this.pointers.has(event.pointerId)) return;
    if (selecting) {
      const within = tolerance.value + (event.clientX - selecting.x) / PIXELS_PER_STEP;
      stroke.select(selecting.colors, selecting.from, Math.min(MOST_TOLERANCE, Math.max(2, within)));
    } else if (tool.value !== "select") {
      for (const one of event.getCoalescedEvents?.() ?? [event]) stroke.to(this.spotOf(one));
    }
  };

  private readonly up = (event: PointerEvent): void => {
    const painted = this.pointers.size === 1;
    this.pointers.delete(event.pointerId);
    if (event.pointerType === "touch") this.spot.value = null;
    if (!painted) return;
    if (event.type === "pointercancel") this.cancel();
    else if (tool.value !== "select" || this.selecting) this.end();
    else void photoColors().then(() => queueMicrotask(this.end)); // released before the colors were there
  };

  private readonly leave = (event: PointerEvent): void => {
    if (this.pointers.size === 0 && event.pointerType === "mouse") this.spot.value = null;
  };

  private readonly press = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    const paints = event.key === "Enter" || event.key === " " || (event.shiftKey && arrow !== undefined);
    if (event.key === "[" || event.key === "]") resizeBrush(event.key === "]" ? 1.2 : 1 / 1.2);
    else if (!arrow && !paints) return;
    event.preventDefault();
    event.stopPropagation();
    if (!arrow && !paints) return;
    const size = maskSize();
    const from = this.spot.value ?? { x: size.width / 2, y: size.height / 2 };
    const to = moved(from, arrow ?? [0, 0], Math.max(1, radiusIn(size) / 2));
    this.spot.value = to;
    if (!this.editor.ready()) return;
    if (paints && !event.repeat && tool.value === "select") void this.select(to).then(this.end);
    else if (paints && tool.value !== "select") this.paintTo(from, to);
  };

  /** Go on with the keyboard's stroke, which ends when no key comes for a while. */
  private paintTo(from: Spot, to: Spot): void {
    clearTimeout(this.timer);
    if (!this.stroke) this.begin().to(from);
    this.stroke?.to(to);
    this.timer = setTimeout(this.end, SETTLED);
  }

  private pinch(event: PointerEvent): void {
    if (!this.pointers.has(event.pointerId)) return;
    const before = spreadOf(this.pointers);
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const now = spreadOf(this.pointers);
    panBy(now.x - before.x, now.y - before.y);
    zoomBy(now.size / before.size, now);
  }
}

function moved({ x, y }: Spot, [dx, dy]: readonly [number, number], by: number): Spot {
  const { width, height } = maskSize();
  return { x: Math.min(width, Math.max(0, x + dx * by)), y: Math.min(height, Math.max(0, y + dy * by)) };
}

/** The middle of the first two pointers, and how far they are apart. */
function spreadOf(pointers: ReadonlyMap<number, Point>): Point & { readonly size: number } {
  const [a, b] = [...pointers.values()];
  if (!a || !b) return { x: 0, y: 0, size: 1 };
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, size: Math.hypot(a.x - b.x, a.y - b.y) || 1 };
}
