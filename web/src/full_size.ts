// Results that were saved at full size: on the stage, their pixels can be seen.
import { computed, signal } from "@preact/signals";
import { asked } from "./request";
import { recipe, shown } from "./state";
import type { Recipe } from "./state";
import { store, stored } from "./storage";

const MOST = 20;

interface Saved {
  readonly wanted: string;
  readonly job: string;
}

const saved = signal<readonly Saved[]>(stored("full-size", []));
const wantedBy = (made: Recipe): string => JSON.stringify(asked({ ...made, size: 0 }, 0));

/** Remember the job that has painted a recipe at full size. */
export function rememberFullSize(made: Recipe, job: string): void {
  const wanted = wantedBy(made);
  put([...saved.value.filter((one) => one.wanted !== wanted), { wanted, job }]);
}

/** Forget a job that was deleted. */
export const forgetFullSize = (job: string): void => put(saved.value.filter((one) => one.job !== job));

function put(next: readonly Saved[]): void {
  saved.value = next.slice(-MOST);
  store("full-size", saved.value);
}

/** The job that has painted at full size what is on the stage; null if none has. */
export const fullSizeJob = computed<string | null>(() => {
  const { phase, quality } = shown.value;
  if (phase !== "done" || quality !== recipe.value.finish || saved.value.length === 0) return null;
  const wanted = wantedBy(recipe.value);
  return saved.value.find((one) => one.wanted === wanted)?.job ?? null;
});
