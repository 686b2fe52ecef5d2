// The studio, through the client that any program may use.
import { Studio, StudioError } from "../../src/brushwork/studio/v1/client.js";
import { noteBusy } from "./connection";

export { StudioError };
export const studio = new Studio(location.origin, { busy: noteBusy });

/** Whether an error only says that a request was given up by us, or replaced by a newer one. */
export function isSuperseded(error: unknown): boolean {
  if (error instanceof DOMException) return error.name === "AbortError";
  return error instanceof StudioError && error.status === 409;
}

/** Whether an error says that something doesn't exist any more. */
export const isGone = (error: unknown): boolean => error instanceof StudioError && error.status === 404;

/** An error's words, for people. */
export const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Go to the login if the session has ended. */
export function checkLogin(error: unknown): void {
  if (error instanceof StudioError && error.status === 401) location.reload();
}

/** Delete a job, by its ID and parameters, while the page goes away. */
export const deleteFromLeaving = (job: string): void =>
  void fetch(`/api/v1/jobs/${job}`, { method: "DELETE", keepalive: true }).catch(() => {});

/** The address of a tile, "level/column/row". */
export const tileUrl = (of: "uploads" | "jobs", id: string, path: string): string => `/api/v1/${of}/${id}/tiles/${path}`;

/** The address of a picture of an upload. */
export const uploadUrl = (id: string, size = 1024): string => `/api/v1/uploads/${id}/view?size=${size}`;
