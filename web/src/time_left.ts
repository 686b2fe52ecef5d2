// The time that a job still takes: counted down calmly, in steps that people say, and longer only if it really slows.
import type { Progress } from "../../src/brushwork/studio/v1/client.js";

const STEPS = [5, 10, 15, 20, 30, 45]; // seconds
const MINUTES = [1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 45];
const CALM = 6; // seconds within which an estimate is followed by two thirds
const SLOWER = 1.5; // from this multiple of what was said on, a longer time is said
const FIRST = 1; // seconds of work after which an estimate is worth something
const GAP = 15; // seconds without news, after which what was seen before says nothing any more

interface Estimate {
  readonly progress: Progress;
  readonly time: number; // when it was made, in seconds
  readonly left: number; // seconds, calmed
  readonly said: number; // seconds, as people say it
  readonly begin: { readonly time: number; readonly share: number }; // where it was first seen
}

const estimates = new Map<string, Estimate>(); // by job

/** Seconds that a job still takes, as people say it: 10, 120; null while that can't be told. */
export function timeLeft(job: string, progress: Progress, time = performance.now() / 1000): number | null {
  if (Math.round(100 * (progress.share ?? 0)) >= 100) return null; // all that is left is to write it
  const last = estimates.get(job);
  if (last?.progress === progress) return last.said;
  const before = last && time - last.time < GAP ? last : undefined;
  const begin = before?.begin ?? { time, share: progress.share ?? 0 };
  const raw = estimated(progress, begin, time);
  if (raw === null) return before?.said ?? null;
  const next = calmed(before, raw, time);
  estimates.set(job, { progress, time, begin, ...next });
  return next.said;
}

/** The estimate of this moment: of several pictures by the rate so far, once one was seen whole. */
function estimated(progress: Progress, begin: Estimate["begin"], time: number): number | null {
  const { share, seconds = FIRST, seconds_left: left, all = 1, done = 0 } = progress;
  if (share === undefined || left === undefined || (seconds < FIRST && done === 0)) return null;
  if (all <= 1) return left;
  const seen = share - begin.share;
  if (seen >= 1 / all) return ((1 - share) * (time - begin.time)) / seen;
  const picture = seconds + left; // how long one takes
  return left + picture * (all - done - 1);
}

function calmed(before: Estimate | undefined, raw: number, time: number): Pick<Estimate, "left" | "said"> {
  if (!before) return { left: raw, said: friendly(raw) };
  const passed = time - before.time;
  const counted = Math.max(0, before.left - passed);
  const left = counted + (raw - counted) * (1 - Math.exp(-passed / CALM));
  const rises = left > SLOWER * before.said;
  return { left, said: rises ? friendly(left) : Math.min(before.said, friendly(left)) };
}

/** The next longer time that people would say. */
export function friendly(seconds: number): number {
  const short = STEPS.find((step) => seconds <= step);
  if (short !== undefined) return short;
  const minutes = MINUTES.find((step) => seconds <= 60 * step);
  return minutes === undefined ? 3600 * Math.ceil(seconds / 3600) : 60 * minutes;
}
