// The tools that paint masks, and what a stroke with them does.
import { signal } from "@preact/signals";
import { colorsOf, flood, scaled } from "./color_flood";
import type { Colors } from "./color_flood";
import { applyStroke, copied, drawLine, filled, wholeOf } from "./mask";
import type { Mask, Part, Spot } from "./mask";
import { pixelsOf } from "./mask_files";
import { photo } from "./state";

export type Tool = "brush" | "eraser" | "select";

export const tool = signal<Tool>("brush");
export const brushSize = signal(0.1); // diameter, as a share of the photo's longer side
export const softness = signal(0.5); // 0 to 1
export const tolerance = signal(18); // of colors that are selected by a click, in Lab
export const overlay = signal(true); // the masks are outlined and tinted over the picture
export const MOST_TOLERANCE = 60;
export const BRUSH = { least: 0.01, most: 0.4 } as const;

/** Something whose masks are painted: the regions, or what is protected of faces. */
export interface Editor {
  /** The masks as they are drawn; none until something is painted. */
  readonly masks: () => readonly Mask[];
  /** Which of them is painted. */
  readonly active: () => number;
  /** Colors of the masks over the picture, each [red, green, blue]. */
  readonly tints: readonly (readonly [number, number, number])[];
  /** Whether the masks of the recipe are there; before, nothing can be painted. */
  readonly ready: () => boolean;
  /** The masks that a stroke begins with. */
  readonly begin: (erases: boolean) => readonly Mask[];
  /** Show masks that are not finished. */
  readonly show: (masks: readonly Mask[]) => void;
  /** Take masks over into the recipe. */
  readonly commit: (masks: readonly Mask[]) => void;
}

export const radiusIn = (mask: { width: number; height: number }): number =>
  Math.max(0.5, (brushSize.value * Math.max(mask.width, mask.height)) / 2);

export const resizeBrush = (factor: number): void => {
  brushSize.value = Math.min(BRUSH.most, Math.max(BRUSH.least, brushSize.value * factor));
};

/** One stroke, from pressing to releasing. */
export class Stroke {
  private readonly before: readonly Mask[];
  private readonly after: readonly Mask[];
  private shape: Mask;
  private last: Spot | null = null;
  private readonly erases = tool.value === "eraser";

  constructor(
    private readonly editor: Editor,
    private readonly draw: (masks: readonly Mask[], part: Part) => void,
  ) {
    this.before = editor.begin(this.erases);
    this.after = this.before.map(copied);
    this.shape = filled(this.before[0] ?? { width: 1, height: 1 }, 0);
    editor.show(this.after);
  }

  /** Go on to a place with the brush. */
  to(spot: Spot): void {
    const part = drawLine(this.shape, this.last ?? spot, spot, radiusIn(this.shape), softness.value);
    this.last = spot;
    this.apply(part);
  }

  /** Select what has nearly the color of a place. */
  select(colors: Colors, spot: Spot, within = tolerance.value): void {
    const { width, height } = this.shape;
    const place = { x: (spot.x / width) * colors.width, y: (spot.y / height) * colors.height };
    this.shape = scaled(flood(colors, place, within), width, height);
    this.apply(wholeOf(this.shape));
  }

  end(): void {
    this.editor.commit(this.after);
  }

  cancel(): void {
    this.editor.show(this.before);
  }

  private apply(part: Part): void {
    applyStroke(this.before, this.after, this.editor.active(), this.shape, this.erases, part);
    this.draw(this.after, part);
  }
}

const FLOODED = 512; // longer side in pixels at which colors are compared; noise matters less than in the whole photo
let colors: { of: string; found: Promise<Colors> } | null = null;

/** The photo's colors, computed once. */
export function photoColors(): Promise<Colors> {
  const source = photo.value?.url ?? "";
  if (colors?.of !== source) colors = { of: source, found: readColors(source) };
  return colors.found;
}

async function readColors(source: string): Promise<Colors> {
  const image = new Image();
  image.src = source;
  await image.decode();
  const scale = Math.min(1, FLOODED / Math.max(image.naturalWidth, image.naturalHeight));
  return colorsOf(
    await pixelsOf(image, {
      width: Math.max(1, Math.round(image.naturalWidth * scale)),
      height: Math.max(1, Math.round(image.naturalHeight * scale)),
    }),
  );
}
