// Whether the studio can be reached, and whether it is busy.
import { offline, waiting } from "./state";

const ASKED_EVERY = 1500; // ms
const MOST_BROKEN = 3; // connections in a row that break although the studio can be reached
let back: Promise<void> | null = null;
let waitingTimer: ReturnType<typeof setTimeout> | undefined;

/** Wait until the studio can be reached again; the page says so meanwhile. */
export function untilBack(): Promise<void> {
  back ??= (async () => {
    offline.value = true;
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, ASKED_EVERY));
      const answer = await fetch("/ready").catch(() => null);
      if (answer?.ok) break;
    }
    offline.value = false;
    back = null;
  })();
  return back;
}

/** Note that a request waits because the studio is busy. */
export function noteBusy(seconds: number): void {
  waiting.value = true;
  clearTimeout(waitingTimer);
  waitingTimer = setTimeout(() => (waiting.value = false), 1000 * seconds + 500);
}

/** Do something, again and again while the studio can't be reached. */
export async function persistently<T>(act: () => Promise<T>): Promise<T> {
  for (let broken = 0; ;) {
    try {
      return await act();
    } catch (error) {
      // Browsers report a lost connection as a TypeError, as they do mistakes in the page, which must not go on for ever.
      if (!(error instanceof TypeError)) throw error;
      if (await isLost()) await untilBack();
      else if ((broken += 1) > MOST_BROKEN) throw error;
      else await new Promise((resolve) => setTimeout(resolve, ASKED_EVERY / 3));
    }
  }
}

const isLost = async (): Promise<boolean> => !(await fetch("/health").catch(() => null))?.ok;
