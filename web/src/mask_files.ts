// Masks as uploads: sent as PNGs, and read again after a reload.
import { renameMask, tell } from "./actions";
import { checkLogin, studio, wordsOf } from "./api";
import { persistently } from "./connection";
import { isSame } from "./mask";
import type { Mask } from "./mask";
import { screenSize } from "./request";
import { photo, UNSENT } from "./state";

const MOST = 40; // masks to remember, of at most a megabyte each
const SNAP = 10; // values this near to black or white are meant to be: uploads are shown to the page as JPEGs

const known = new Map<string, Mask>(); // by name
const sending = new Set<Promise<void>>();
let count = 0;

/** The size of masks of the photo: its own at screen size. */
export function maskSize(): { width: number; height: number } {
  const { width, height } = photo.value?.facts ?? photo.value ?? { width: 4, height: 3 };
  const scale = screenSize() / Math.max(width, height);
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** A mask's name in the recipe: at once one of its own, and its upload's ID as soon as that is there. */
export function nameOf(mask: Mask): string {
  for (const [name, other] of known) if (isSame(other, mask)) return name;
  count += 1;
  const name = `${UNSENT}${count}`;
  remember(name, mask);
  const sent = send(mask).then(
    (id) => {
      remember(id, mask);
      renameMask(name, id);
    },
    (error: unknown) => {
      checkLogin(error);
      tell("error", wordsOf(error));
    },
  );
  sending.add(sent);
  void sent.finally(() => {
    sending.delete(sent);
    known.delete(name);
  });
  return name;
}

/** Wait until all masks are sent. */
export const masksSent = async (): Promise<void> => void (await Promise.all(sending));

async function send(mask: Mask): Promise<string> {
  const { context, canvas } = surface(mask);
  const image = context.createImageData(mask.width, mask.height);
  mask.values.forEach((value, at) => image.data.set([value, value, value, 255], 4 * at));
  context.putImageData(image, 0, 0);
  const png = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (png === null) throw new Error("the browser can't write PNG");
  return persistently(() => studio.send(png, "mask.png"));
}

/** The mask of an upload, in the size of the photo; null if it was never sent, and is lost. */
export async function loadMask(id: string): Promise<Mask | null> {
  const there = known.get(id);
  if (there) return there;
  if (id.startsWith(UNSENT)) return null;
  const mask = snapped(await readMask(await persistently(() => studio.view(id, 1024))));
  remember(id, mask);
  return mask;
}

/** A picture as a mask of the photo. */
export async function readMask(picture: Blob): Promise<Mask> {
  const { data, width, height } = await pixelsOf(picture, maskSize());
  const values = new Uint8ClampedArray(width * height);
  for (let at = 0; at < values.length; at += 1) values[at] = data[4 * at] ?? 0;
  return { width, height, values };
}

const snapped = (mask: Mask): Mask => ({
  ...mask,
  values: mask.values.map((value) => (value < SNAP ? 0 : value > 255 - SNAP ? 255 : value)),
});

/** A picture's pixels in a size. */
export async function pixelsOf(
  picture: Blob | HTMLImageElement,
  size: { width: number; height: number },
): Promise<ImageData> {
  const { context } = surface(size);
  const bitmap = await createImageBitmap(picture);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, size.width, size.height);
  bitmap.close();
  return context.getImageData(0, 0, size.width, size.height);
}

function surface({ width, height }: { width: number; height: number }): {
  canvas: HTMLCanvasElement;
  context: CanvasRenderingContext2D;
} {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("the browser has no canvas");
  return { canvas, context };
}

function remember(id: string, mask: Mask): void {
  known.delete(id);
  known.set(id, mask);
  for (const oldest of [...known.keys()].slice(0, Math.max(0, known.size - MOST))) known.delete(oldest);
}
