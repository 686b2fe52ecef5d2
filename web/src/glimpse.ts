// A style that is only pointed at: its thumbnail large at once, then a draft.
import { isSuperseded } from "./api";
import { withStyle } from "./choosing";
import { draftOf } from "./develop";
import { glimpse, isSent, photo, recipe } from "./state";
import { thumbnailOf } from "./thumbnails";

const THUMBNAIL_AFTER = 120; // ms
const DRAFT_AFTER = 300; // ms after the thumbnail

let timer: ReturnType<typeof setTimeout> | undefined;
let aborting = new AbortController();

/** Show a style while it is pointed at; null: none any more. */
export function pointAt(style: string | null): void {
  clearTimeout(timer);
  aborting.abort();
  aborting = new AbortController();
  const chosen = recipe.value.style;
  if (style === null || !photo.value?.facts || (chosen.length === 1 && chosen[0]?.style === style)) {
    glimpse.value = null;
    return;
  }
  const { signal } = aborting;
  timer = setTimeout(() => {
    if (withStyle(style).style?.length === 1 && recipe.value.masks.length === 0)
      glimpse.value = thumbnailOf(style) ?? glimpse.value;
    timer = setTimeout(() => void showDraft(style, signal), DRAFT_AFTER);
  }, THUMBNAIL_AFTER);
}

async function showDraft(style: string, signal: AbortSignal): Promise<void> {
  if (!isSent(recipe.value)) return;
  try {
    const url = await draftOf({ ...recipe.value, ...withStyle(style) }, signal);
    if (!signal.aborted) glimpse.value = url;
  } catch (error) {
    if (!isSuperseded(error) && !signal.aborted) glimpse.value = null; // the thumbnail was enough, or the style is gone
  }
}
