// Moods of styles, as seen on the user's own photo: bright or dark, warm or cool, colorful or muted, fine or broad.
// A style has a mood if it is among a quarter of the library, whatever the photo.

export type Mood = "bright" | "dark" | "warm" | "cool" | "colorful" | "muted" | "fine" | "broad";

/** What a thumbnail looks like, in numbers that only mean something beside those of other styles. */
export interface Look {
  readonly light: number;
  readonly warmth: number;
  readonly color: number;
  readonly grain: number;
}

const SIDE = 48; // pixels at which a thumbnail is measured
const SHARE = 0.25; // of the library that is called, for instance, bright
const SCALES: readonly [keyof Look, Mood, Mood][] = [
  ["light", "dark", "bright"],
  ["warmth", "cool", "warm"],
  ["color", "muted", "colorful"],
  ["grain", "broad", "fine"],
];
export const MOODS: readonly Mood[] = SCALES.flatMap(([, low, high]) => [high, low]);

/** Measure a thumbnail. */
export async function measured(jpeg: Blob): Promise<Look> {
  const bitmap = await createImageBitmap(jpeg, { resizeWidth: SIDE, resizeHeight: SIDE });
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return { light: 0, warmth: 0, color: 0, grain: 0 };
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return lookOf(context.getImageData(0, 0, SIDE, SIDE).data);
}

function lookOf(samples: Uint8ClampedArray): Look {
  const count = samples.length / 4;
  let light = 0;
  let warmth = 0;
  let color = 0;
  let grain = 0;
  let before = 0;
  for (let at = 0; at < samples.length; at += 4) {
    const [red = 0, green = 0, blue = 0] = samples.subarray(at, at + 3);
    const here = 0.299 * red + 0.587 * green + 0.114 * blue;
    light += here;
    warmth += red - blue;
    color += Math.hypot(red - here, blue - here);
    grain += at % (4 * SIDE) ? Math.abs(here - before) : 0;
    before = here;
  }
  return { light: light / count, warmth: warmth / count, color: color / count, grain: grain / count };
}

/** The moods of each style that has been measured. */
export function moodsOf(looks: ReadonlyMap<string, Look>): Map<string, Set<Mood>> {
  const found = new Map([...looks.keys()].map((style) => [style, new Set<Mood>()]));
  const few = Math.round(looks.size * SHARE);
  for (const [measure, low, high] of SCALES) {
    const ranked = [...looks].sort(([, a], [, b]) => a[measure] - b[measure]).map(([style]) => style);
    for (const style of ranked.slice(0, few)) found.get(style)?.add(low);
    for (const style of few ? ranked.slice(-few) : []) found.get(style)?.add(high);
  }
  return found;
}
