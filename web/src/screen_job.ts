// The job that develops the picture on screen. There is one at a time; it is given up when the recipe changes or the
// page is left, and lets what is saved go first.
import type { Watching } from "../../src/brushwork/studio/v1/client.js";
import { deleteFromLeaving, isSuperseded, studio, StudioError } from "./api";
import { persistently } from "./connection";
import { store, stored } from "./storage";
import { t } from "./texts";

interface ScreenJob {
  readonly id: string;
  readonly wanted: string; // its request
}

let running: ScreenJob | null = null;
let claimed: string | null = null; // the job that is saved when it is done
let setAside: string | null = null; // the job that was paused here
let ahead: Promise<unknown> | null = null; // what goes first

/** Whether a job develops the picture on screen. */
export const isOnScreen = (job: string): boolean => job === running?.id;

function setRunning(job: ScreenJob | null): void {
  running = job;
  store("running", job, "sessionStorage"); // of this tab: another one has a job of its own
}

const lastJob = (): ScreenJob | null => stored("running", null, "sessionStorage");

/** Whether a job of this tab paints what is asked for, as text. */
export async function hasJobFor(wanted: string): Promise<boolean> {
  const last = lastJob();
  return last?.wanted === wanted && (await exists(last.id));
}

/**
 * The job for a request: the one of this tab that a crash has left, or a new one, which begins with the picture of the
 * job `start` if there is one; null if it isn't wanted any more.
 */
export async function screenJob(ask: object, signal: AbortSignal, start: string | null): Promise<string | null> {
  const wanted = JSON.stringify(ask);
  const last = lastJob();
  const goesOn = last?.wanted === wanted && (await exists(last.id));
  if (last && !goesOn) void discard(last.id);
  const id = goesOn ? last.id : await submit(start ? { ...ask, start } : ask);
  if (signal.aborted) {
    void discard(id);
    return null;
  }
  setRunning({ id, wanted });
  return id;
}

/** Submit a picture. */
export async function submit(ask: object): Promise<string> {
  const key = crypto.getRandomValues(new Uint32Array(4)).join("-"); // the same if the connection is lost meanwhile
  return (await persistently(() => studio.submit("picture", ask, { key }))).id;
}

export const exists = (job: string): Promise<boolean> =>
  persistently(() => studio.job(job)).then(
    (facts) => !["failed", "canceled", "stopped"].includes(facts.status),
    () => false,
  );

const discard = (job: string): Promise<void> => persistently(() => studio.discard(job)).catch(() => {});

/** Follow the job until it is done; one that was set aside, or that a restart of the studio has interrupted, goes on. */
export async function follow(job: string, watching: Watching & { signal: AbortSignal }): Promise<void> {
  const { signal } = watching;
  if (ahead) {
    if (job !== setAside) await pause(job);
    await ahead;
  }
  if (signal.aborted) return;
  await goOn(job);
  if (signal.aborted) return;
  await studio.wait(job, watching).catch(async (error: unknown) => {
    if (signal.aborted || error instanceof StudioError || error instanceof TypeError) throw error;
    const now = await studio.job(job);
    const goesOn = now.status === "paused" ? job === setAside : isUnfinished(now.status);
    if (!goesOn) throw new Error(now.message || t("phase.stopped"));
    await follow(job, watching);
  });
}

/** Let a job go on that was set aside or interrupted. */
export async function goOn(job: string): Promise<void> {
  const { status } = await studio.job(job);
  if (status !== "interrupted" && status !== "paused") return;
  await studio.job(job, "resume").catch((error: unknown) => {
    if (!isSuperseded(error)) throw error; // by another one who follows it
  });
}

const isUnfinished = (status: string): boolean => ["waiting", "running", "interrupted"].includes(status);

/** The job has ended. */
export const letGo = (): void => setRunning(null);

/** Cancel and delete the job that has not finished, unless it paints what is kept: the history holds what is finished. */
export async function giveUp(kept = ""): Promise<void> {
  const job = running;
  if (job?.wanted === kept) return;
  letGo();
  if (job && job.id !== claimed) await discard(job.id);
}

/** Give it up when the page is closed or reloaded, too. */
export function giveUpOnLeave(): void {
  addEventListener("pagehide", () => {
    if (running && running.id !== claimed) deleteFromLeaving(`${running.id}?cancel=true`);
    letGo();
  });
}

/** Paint what is to be saved: by the job on screen if that is what it paints, else by one that goes first. */
export async function paintFirst(ask: object, wait: (job: string) => Promise<void>): Promise<string> {
  if (running?.wanted === JSON.stringify(ask)) {
    claimed = running.id;
    await wait(claimed);
    return claimed;
  }
  const work = async (): Promise<string> => {
    if (running) await pause(running.id);
    const job = await submit(ask);
    await wait(job);
    return job;
  };
  const result = work();
  ahead = result.catch(() => {});
  return result.finally(() => (ahead = null));
}

/** Set a job aside; it goes on from where it was. */
async function pause(job: string): Promise<void> {
  setAside = job;
  await studio.job(job, "pause").catch(() => {}); // it has just ended, or the studio can't be reached
}
