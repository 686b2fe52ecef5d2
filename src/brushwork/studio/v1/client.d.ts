/** Types of the client of one file, `client.js`. */

export type Status = "waiting" | "running" | "paused" | "interrupted" | "done" | "stopped" | "failed" | "canceled";

/** Empty before the first step. */
export interface Progress {
  share?: number;
  step?: number;
  steps?: number;
  seconds?: number;
  seconds_left?: number;
  done?: number;
  all?: number;
}

export interface JobFacts {
  id: string;
  kind: "picture" | "video" | "batch" | "grid" | "texture";
  title: string;
  status: Status;
  progress: Progress;
  message: string;
  made: number;
  started: number | null;
  ended: number | null;
  result: boolean;
  request?: Record<string, unknown> | null;
  preview?: string | null;
}

/** A picture of a batch. */
export interface SeriesPicture {
  number: number; // from 1
  photo: string; // an upload's ID
  name: string; // of the photo; empty if it was deleted
}

export interface UploadFacts {
  id: string;
  kind: "picture" | "film";
  name: string;
  bytes: number;
  made: number;
  width: number;
  height: number;
  frames: number | null;
  seconds: number | null;
}

/** A picture in tiles: its size, and the side of a tile, in pixels. */
export interface TileFacts {
  width: number;
  height: number;
  side: number;
}

/** A place, as shares of width and height. */
export interface Point {
  x: number;
  y: number;
}

/** A face; its box goes from the brows to the chin. */
export interface FaceFacts {
  center: Point;
  width: number;
  height: number;
  eyes: Point[];
  mouth: Point;
  probability: number;
}

export interface StyleFacts {
  name: string;
  title: string;
  artist: string;
  own: boolean;
  methods: string[];
}

export interface MethodOption {
  name: string;
  help: string;
  default: unknown;
  low: number | null;
  high: number | null;
  choices: (string | number)[];
}

export interface AccountFacts {
  name: string;
  role: "admin" | "member" | "viewer";
  storage: number;
  storage_used: number;
  jobs: number;
  jobs_used: number;
}

export interface PresetFacts {
  method: string;
  settings: Record<string, unknown>;
}

/** What a refusal says (RFC 9457). */
export interface Problem {
  type: string;
  title?: string;
  status: number;
  detail: string;
  retry_after?: number;
}

export class StudioError extends Error {
  constructor(problem: Problem);
  problem: Problem;
  status: number;
}

export interface Watching {
  progress?: (facts: JobFacts) => void;
  picture?: (jpeg: Blob, step: number) => void;
  signal?: AbortSignal;
}

export class Studio {
  constructor(url?: string, options?: { token?: string; busy?: (seconds: number) => void });
  base: string;
  token?: string;
  logIn(name: string, password: string): Promise<void>;
  send(file: Blob, name?: string, options?: { key?: string; signal?: AbortSignal }): Promise<string>;
  submit(kind: JobFacts["kind"], ask: object, options?: { key?: string }): Promise<JobFacts>;
  events(
    id: string, options?: { pictures?: boolean; signal?: AbortSignal },
  ): AsyncGenerator<["progress" | "end", JobFacts] | ["picture", { step: number; jpeg: string }]>;
  strip(id: string, options?: { signal?: AbortSignal }): AsyncGenerator<[string, Blob]>;
  wait(id: string, watching?: Watching): Promise<JobFacts>;
  result(id: string, format?: "png" | "jpeg" | "tiff"): Promise<Blob>;
  stylize(photo: Blob, style: string | Blob, wishes?: Watching & Record<string, unknown>): Promise<Blob>;
  preview(photo: string, style: string, wishes?: object, options?: { signal?: AbortSignal }): Promise<Blob>;
  clip(ask: object, options?: { signal?: AbortSignal }): Promise<Blob>;
  frames(film: string, options?: { count?: number; height?: number }): Promise<Blob>;
  frame(film: string, number: number, size?: number): Promise<Blob>;
  cuts(film: string): Promise<number[]>;
  upload(id: string): Promise<UploadFacts>;
  view(id: string, size?: number): Promise<Blob>;
  tiles(id: string, of?: "uploads" | "jobs"): Promise<TileFacts>;
  tile(id: string, place: { level?: number; column: number; row: number }, of?: "uploads" | "jobs"): Promise<Blob>;
  faces(id: string): Promise<FaceFacts[]>;
  faceMask(id: string): Promise<Blob>;
  addStyle(style: { picture: string; name: string; title?: string; artist?: string }): Promise<StyleFacts>;
  removeStyle(name: string): Promise<void>;
  methods(): Promise<Record<string, MethodOption[]>>;
  account(): Promise<AccountFacts>;
  presets(): Promise<Record<"draft" | "good" | "best", PresetFacts>>;
  job(id: string, action?: "" | "pause" | "resume" | "cancel"): Promise<JobFacts>;
  delete(id: string): Promise<void>;
  discard(id: string): Promise<void>;
  series(id: string): Promise<SeriesPicture[]>;
  jobs(): AsyncGenerator<JobFacts>;
  jobPage(wanted?: {
    kind?: JobFacts["kind"] | ""; status?: readonly Status[]; search?: string; limit?: number; cursor?: string;
  }): Promise<{ items: JobFacts[]; next: string | null }>;
  queue(options?: { signal?: AbortSignal }): AsyncGenerator<["job", JobFacts] | ["gone", { id: string }] | ["end", object]>;
  uploads(): AsyncGenerator<UploadFacts>;
  styles(): AsyncGenerator<StyleFacts>;
}
