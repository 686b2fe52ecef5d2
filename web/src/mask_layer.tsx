// Masks over the picture in their tints, and the ring of the brush.
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Mask, Part, Spot } from "./mask";
import { wholeOf } from "./mask";
import { maskSize } from "./mask_files";
import { MaskBrush } from "./mask_brush";
import { brushSize, overlay, tool } from "./mask_tools";
import type { Editor } from "./mask_tools";
import { outlineOf } from "./outline";
import { t } from "./texts";
import { frame } from "./zoom";
import "./mask_layer.css";

const COVER = 0.6; // how much of the picture a tint covers

export function MaskLayer({ editor, label }: { editor: Editor; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const layer = useRef<HTMLDivElement>(null);
  const spot = useSignal<Spot | null>(null); // of the brush
  useSignalEffect(() => {
    const masks = editor.masks();
    const size = masks[0] ?? maskSize();
    if (canvas.current) draw(canvas.current, editor, masks, wholeOf({ ...size, values: new Uint8ClampedArray() }));
  });
  useEffect(() => {
    const shown = canvas.current;
    if (!layer.current || !shown) return undefined;
    return new MaskBrush(layer.current, editor, spot, (masks, part) => draw(shown, editor, masks, part)).listen();
  }, [editor]);
  return (
    <div
      class={overlay.value ? "mask-layer" : "mask-layer bare"}
      ref={layer}
      role="application"
      tabIndex={0}
      aria-label={label}
      aria-description={t("masks.keys")}
    >
      <canvas ref={canvas} aria-hidden />
      {overlay.value && <Outlines editor={editor} />}
      {spot.value && <BrushRing spot={spot.value} />}
    </div>
  );
}

/** What the masks cover, in lines of two tones that are seen on any picture. */
function Outlines({ editor }: { editor: Editor }) {
  const paths = useComputed(() => editor.masks().map(outlineOf));
  const { width, height } = editor.masks()[0] ?? maskSize();
  return (
    <svg class="mask-outlines" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      {paths.value.map((path, at) => (
        <g key={at}>
          <path class="outline-shade" d={path} />
          <path class="outline-light" d={path} />
          <path class="outline-tint" d={path} style={{ stroke: `rgb(${editor.tints[at % editor.tints.length]?.join(" ")})` }} />
        </g>
      ))}
    </svg>
  );
}

function BrushRing({ spot }: { spot: Spot }) {
  const { width, height } = maskSize();
  const across = tool.value === "select" ? 8 : brushSize.value * Math.max(frame.value.width, frame.value.height);
  return (
    <span
      class="brush-ring"
      style={{
        left: `${(100 * spot.x) / width}%`,
        top: `${(100 * spot.y) / height}%`,
        width: `${across}px`,
        height: `${across}px`,
      }}
    />
  );
}

/** Draw a part of the masks in their tints. */
function draw(
  canvas: HTMLCanvasElement,
  editor: Editor,
  masks: readonly Mask[],
  { left, top, right, bottom }: Part,
): void {
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
