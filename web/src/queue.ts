// The user's jobs: those that wait, run or can be resumed, and those that ended while the page was open.
import { batch, computed, effect, signal, untracked } from "@preact/signals";
import type { JobFacts } from "../../src/brushwork/studio/v1/client.js";
import { tell } from "./actions";
import { checkLogin, isGone, studio, wordsOf } from "./api";
import { persistently } from "./connection";
import { isOnStage } from "./develop";
import { askedOf, jobWords } from "./job_words";
import { t } from "./texts";

const ACTIVE = ["waiting", "running"];
const RESUMABLE = ["paused", "interrupted", "failed"];
const ENDED = ["done", "stopped", "failed", "canceled"];

export const jobs = signal<ReadonlyMap<string, JobFacts>>(new Map());
const off = signal<ReadonlySet<string>>(new Set()); // jobs that the tray leaves out
export const ended = signal(0); // how many have ended: the wall looks again

/** What the tray shows, the newest first: all but what is painted on the stage, and what was taken off it. */
export const tray = computed(() =>
  [...jobs.value.values()]
    .filter((job) => !off.value.has(job.id) && !isOnStage(job.id))
    .sort((a, b) => b.made - a.made),
);
export const active = computed(() => tray.value.filter((job) => ACTIVE.includes(job.status)));

/** How far all of it is, 0 to 1; null if nothing runs. */
export const wholeShare = computed(() => {
  const shares = active.value.map((job) => job.progress.share ?? 0);
  return shares.length ? shares.reduce((sum, share) => sum + share, 0) / shares.length : null;
});

export const isResumable = (job: JobFacts): boolean => RESUMABLE.includes(job.status);
export const isActive = (job: JobFacts): boolean => ACTIVE.includes(job.status);
export const hasEnded = (job: JobFacts): boolean => ENDED.includes(job.status);

const quiet = new Set<string>(); // jobs whose end is told elsewhere
const canceledHere = new Set<string>(); // they stay in the tray, so that the next row isn't under the pointer at once
let following = false;
let again = false;

/** Follow the jobs until none runs any more; after one was submitted or resumed, and now and then. */
export async function followJobs(): Promise<void> {
  again = true;
  if (following) return;
  following = true;
  try {
    while (again) {
      again = false;
      await persistently(followOnce);
    }
  } catch (error) {
    checkLogin(error);
  } finally {
    following = false;
  }
}

async function followOnce(): Promise<void> {
  const seen = new Set<string>();
  for await (const [name, content] of studio.queue()) {
    if (name === "job") {
      seen.add((content as JobFacts).id);
      note(content as JobFacts);
    } else if (name === "gone") remove((content as { id: string }).id);
  }
  // What ended or was deleted while the studio could not be reached isn't in the stream.
  for (const job of jobs.value.values()) if (!hasEnded(job) && !seen.has(job.id)) await lookAgain(job.id);
}

async function lookAgain(id: string): Promise<void> {
  try {
    note(await studio.job(id));
  } catch (error) {
    if (!isGone(error)) throw error;
    remove(id);
  }
}

/** Look for jobs that another tab or a program has submitted, whenever the page is looked at again. */
export function watchJobs(): void {
  void followJobs();
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) void followJobs();
  });
}

/** Submit a job that is followed in the tray. */
export async function submitJob(kind: JobFacts["kind"], ask: object): Promise<JobFacts> {
  const key = crypto.getRandomValues(new Uint32Array(4)).join("-"); // the same if the connection is lost meanwhile
  const job = await persistently(() => studio.submit(kind, ask, { key }));
  note(job);
  void followJobs();
  return job;
}

/** Follow a job without telling its end, which is told elsewhere. */
export function followQuietly(job: string): void {
  quiet.add(job);
  void followJobs();
}

/** Pause, resume or cancel a job. A film that is canceled is told, and can be made again. */
export async function steer(job: JobFacts, action: "pause" | "resume" | "cancel"): Promise<void> {
  if (action === "cancel") canceledHere.add(job.id);
  try {
    note(await studio.job(job.id, action));
    void followJobs();
    if (action === "cancel" && job.kind === "video")
      tell("done", t("film.canceled"), "", { words: t("again"), act: () => void makeAgain(job) });
  } catch (error) {
    checkLogin(error);
    if (isGone(error)) remove(job.id);
    else tell("error", wordsOf(error));
  }
}

/** Submit a job again that was canceled. */
export async function makeAgain(job: JobFacts): Promise<void> {
  try {
    await submitJob(job.kind, askedOf(job));
    takeOff(job.id);
  } catch (error) {
    checkLogin(error);
    tell("error", wordsOf(error));
  }
}

/**
 * Follow a job until it is done, also if it is paused and resumed meanwhile.
 * @throws {Error} it failed, was canceled or deleted
 */
export async function untilDone(id: string, progress: (job: JobFacts) => void): Promise<void> {
  note(await studio.job(id));
  void followJobs();
  await new Promise<void>((resolve, reject) => {
    const stop = effect(() => {
      const job = jobs.value.get(id);
      if (job) untracked(() => progress(job));
      if (job && !hasEnded(job)) return;
      queueMicrotask(() => stop());
      if (job?.status === "done" || job?.status === "stopped") resolve();
      else reject(new Error(job?.message || t("status.canceled")));
    });
  });
}

/** Know a job, also one that has ended before. */
export function note(job: JobFacts): void {
  const before = jobs.value.get(job.id);
  const whole = before && !job.request ? { ...job, request: before.request ?? null } : job;
  batch(() => {
    jobs.value = new Map(jobs.value).set(job.id, whole);
    const unseen = !before || (job.status === "canceled" && !canceledHere.has(job.id));
    if (hasEnded(job) && (unseen || isOnStage(job.id))) takeOff(job.id);
  });
  if (!hasEnded(job) || !before || hasEnded(before)) return;
  ended.value += 1;
  if (isOnStage(job.id) || job.status === "canceled") return;
  if (!quiet.has(job.id)) announce(whole);
}

/** Take a job that has ended off the tray. */
export function takeOff(id: string): void {
  off.value = new Set(off.value).add(id);
}

/** Forget a job that was deleted. */
export function remove(id: string): void {
  const next = new Map(jobs.value);
  if (next.delete(id)) jobs.value = next;
}

/** Tell that a job has ended: by the system if the page isn't looked at, else at its top. */
function announce(job: JobFacts): void {
  const failed = job.status === "failed";
  const words = failed
    ? t("tray.failed", { job: jobWords(job), reason: job.message })
    : t("tray.done", { job: jobWords(job) });
  if (document.hidden && canNotify()) new Notification(t("title"), { body: words, icon: "icon.svg", tag: job.id });
  else tell(failed ? "error" : "done", words);
}

const canNotify = (): boolean => "Notification" in window && Notification.permission === "granted";
