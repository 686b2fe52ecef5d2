/**
 * A client for API v1 of the brushwork studio, in one file and without dependencies; for browsers and node.
 *
 *   import { Studio } from "/api/v1/client.js";
 *   const studio = new Studio(location.origin);
 *   const job = await studio.submit("picture", { photo: await studio.send(file), style: "great-wave" });
 *   await studio.wait(job.id, { picture: (jpeg) => (image.src = URL.createObjectURL(jpeg)) });
 *   const painted = await studio.result(job.id);
 */

/**
 * @typedef {"waiting"|"running"|"paused"|"interrupted"|"done"|"stopped"|"failed"|"canceled"} Status
 * @typedef {{share?: number, step?: number, steps?: number, seconds?: number, seconds_left?: number, done?: number,
 *   all?: number}} Progress empty before the first step
 * @typedef {{id: string, kind: string, title: string, status: Status, progress: Progress, message: string,
 *   made: number, started: ?number, ended: ?number, result: boolean, request?: object, preview?: ?string}} JobFacts
 * @typedef {{id: string, kind: "picture"|"film", name: string, bytes: number, made: number, width: number,
 *   height: number, frames: ?number, seconds: ?number}} UploadFacts
 * @typedef {{width: number, height: number, side: number}} TileFacts of a picture in tiles: its size, and a tile's side
 * @typedef {{x: number, y: number}} Point a place, as shares of width and height
 * @typedef {{center: Point, width: number, height: number, eyes: Point[], mouth: Point, probability: number}} FaceFacts
 * @typedef {{name: string, title: string, artist: string, own: boolean, methods: string[]}} StyleFacts
 * @typedef {{name: string, role: "admin"|"member"|"viewer", storage: number, storage_used: number, jobs: number,
 *   jobs_used: number}} AccountFacts
 */

const TRIES = 60; // attempts while the studio is busy
const BUSY = [429, 503];

/** The studio refused a request; `problem` is what it said (RFC 9457). */
export class StudioError extends Error {
  /** @param {{type: string, title?: string, status: number, detail: string, retry_after?: number}} problem */
  constructor(problem) {
    super(problem.detail);
    this.name = "StudioError";
    this.problem = problem;
    this.status = problem.status;
  }
}

/** A studio, on this machine or another. */
export class Studio {
  /**
   * @param {string} url its address
   * @param {{token?: string, busy?: (seconds: number) => void}} [options] a token, if the studio requires a login, see
   *   `logIn`; a function that is told how long a request waits before it is sent again because the studio is busy
   */
  constructor(url = "http://127.0.0.1:7860", { token, busy } = {}) {
    this.base = `${url.replace(/\/+$/, "")}/api/v1`;
    this.token = token;
    this.busy = busy;
  }

  /** Log in; later requests are this user's. */
  async logIn(name, password) {
    this.token = (await this.#json("POST", "/sessions", { json: { name, password } })).token;
  }

  /**
   * Upload a file, retrying while the studio is busy.
   * @param {Blob} file
   * @param {string} [name]
   * @param {{key?: string, signal?: AbortSignal}} [options] an Idempotency-Key, if this upload may come again
   * @returns {Promise<string>} its ID
   */
  async send(file, name = file.name ?? "file", { key = newKey(), signal } = {}) {
    return (
      await this.#patiently(() => {
        const form = new FormData();
        form.append("file", file, name);
        return this.#json("POST", "/uploads", { body: form, key, signal });
      })
    ).id;
  }

  /**
   * Submit a job, retrying while the studio is busy.
   * @param {"picture"|"video"|"batch"|"grid"|"texture"} kind
   * @param {object} ask photo, style, preset, webhook and others, see /api/v1/openapi.json
   * @param {{key?: string}} [options] an Idempotency-Key, if this request may come again
   * @returns {Promise<JobFacts>}
   */
  submit(kind, ask, { key = newKey() } = {}) {
    return this.#patiently(() => this.#json("POST", "/jobs", { json: { kind, ...ask }, key }));
  }

  /**
   * Yield a job's events until it ends, pauses or is interrupted: [name, content] of "progress", "picture" and "end".
   * @param {string} id
   * @param {{pictures?: boolean, signal?: AbortSignal}} [options]
   * @returns {AsyncGenerator<[string, object]>}
   */
  events(id, { pictures = false, signal } = {}) {
    return this.#stream(`/jobs/${id}/events${pictures ? "?pictures=true" : ""}`, signal);
  }

  /**
   * Yield small pictures of an upload in all styles as they are painted, [style, JPEG], retrying while the studio is
   * busy. Those that were painted before come at once.
   * @param {string} id
   * @param {{signal?: AbortSignal}} [options]
   * @returns {AsyncGenerator<[string, Blob]>}
   */
  async *strip(id, { signal } = {}) {
    const had = new Set();
    for (let wait = 0; wait !== null; ) {
      await new Promise((resolve) => setTimeout(resolve, 1000 * wait));
      signal?.throwIfAborted();
      wait = 1; // if the stream breaks off without an end
      for await (const [name, content] of this.#stream(`/uploads/${id}/styles`, signal)) {
        if (name === "end") wait = content.retry_after;
        else if (!had.has(content.style)) yield [content.style, jpegOf(content.jpeg)];
        had.add(content.style);
      }
    }
  }

  async *#stream(path, signal) {
    const answer = await this.#ask("GET", path, { signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        const blocks = (text + value).split("\n\n");
        text = blocks.pop();
        for (const block of blocks) {
          const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s, 2)));
          if (fields.data) yield [fields.event, JSON.parse(fields.data)];
        }
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  /**
   * Wait until a job is done.
   * @param {string} id
   * @param {{progress?: (facts: JobFacts) => void, picture?: (jpeg: Blob, step: number) => void,
   *   signal?: AbortSignal}} [options] called with facts and intermediate pictures as they come
   * @returns {Promise<JobFacts>}
   * @throws {Error} it failed, or was canceled, paused or interrupted
   */
  async wait(id, { progress, picture, signal } = {}) {
    let last = { status: "gone", message: "" };
    for await (const [name, content] of this.events(id, { pictures: Boolean(picture), signal })) {
      if (name === "picture") {
        picture(jpegOf(content.jpeg), content.step);
      } else {
        last = content;
        progress?.(content);
      }
    }
    if (!["done", "stopped"].includes(last.status)) throw new Error(`job ${id} is ${last.status}: ${last.message}`);
    return last;
  }

  /**
   * Download a job's result.
   * @param {string} id
   * @param {"png"|"jpeg"|"tiff"} [format] of a picture
   * @returns {Promise<Blob>}
   */
  async result(id, format) {
    return (await this.#ask("GET", `/jobs/${id}/result${format ? `?format=${format}` : ""}`)).blob();
  }

  /**
   * Stylize a photo: send it, wait and download the result.
   * @param {Blob} photo
   * @param {string|Blob} style a name of the library, or a painting
   * @param {object} [wishes] preset, size and others, and the options of `wait`
   * @returns {Promise<Blob>}
   */
  async stylize(photo, style, { progress, picture, signal, ...wishes } = {}) {
    const chosen = typeof style === "string" ? style : `@${await this.send(style, "painting")}`;
    const job = await this.submit("picture", { photo: await this.send(photo), style: chosen, ...wishes });
    await this.wait(job.id, { progress, picture, signal });
    return this.result(job.id);
  }

  /**
   * A preview of an uploaded photo at screen size, as JPEG; retries while the studio is busy.
   * @returns {Promise<Blob>}
   */
  preview(photo, style, wishes = {}, { signal } = {}) {
    return this.#patiently(
      async () => (await this.#ask("POST", "/previews", { json: { photo, style, ...wishes }, signal })).blob(),
      signal,
    );
  }

  /**
   * Two seconds of an uploaded film from `start` on, painted by a draft, as MP4; retries while the studio is busy.
   * @param {object} ask film, style, start, preset, keyframes and others of a job of the kind "video"
   * @param {{signal?: AbortSignal}} [options]
   * @returns {Promise<Blob>}
   */
  clip(ask, { signal } = {}) {
    const json = { kind: "video", ...ask };
    return this.#patiently(async () => (await this.#ask("POST", "/previews/clip", { json, signal })).blob(), signal);
  }

  /**
   * Frames of an uploaded film at equal distances, side by side in one JPEG.
   * @param {string} film
   * @param {{count?: number, height?: number}} [options] how many, and their height in pixels
   * @returns {Promise<Blob>}
   */
  frames(film, { count = 16, height = 64 } = {}) {
    const path = `/uploads/${film}/frames?count=${count}&height=${height}`;
    return this.#patiently(async () => (await this.#ask("GET", path)).blob());
  }

  /** A frame of an uploaded film, counted from 0, as JPEG; with size 0 as large as the film. */
  frame(film, number, size = 1024) {
    return this.#patiently(async () => (await this.#ask("GET", `/uploads/${film}/frames/${number}?size=${size}`)).blob());
  }

  /** Times in seconds at which another scene of an uploaded film begins. */
  async cuts(film) {
    return (await this.#patiently(() => this.#json("GET", `/uploads/${film}/cuts`))).seconds;
  }

  /**
   * A job's facts, optionally after an action.
   * @param {string} id
   * @param {""|"pause"|"resume"|"cancel"} [action]
   * @returns {Promise<JobFacts>}
   */
  job(id, action = "") {
    return action ? this.#json("POST", `/jobs/${id}/${action}`) : this.#json("GET", `/jobs/${id}`);
  }

  /** Delete a job and its result. */
  async delete(id) {
    await this.#ask("DELETE", `/jobs/${id}`);
  }

  /** Delete a job, also if it is waiting or running. */
  async discard(id) {
    await this.#ask("DELETE", `/jobs/${id}?cancel=true`).catch((error) => {
      if (error.status !== 404) throw error;
    });
  }

  /**
   * The painted pictures of a batch: number, and ID and name of the photo; see `/jobs/ID/pictures/NUMBER`.
   * @returns {Promise<{number: number, photo: string, name: string}[]>}
   */
  series(id) {
    return this.#json("GET", `/jobs/${id}/pictures`);
  }

  /** An upload's properties. */
  upload(id) {
    return this.#json("GET", `/uploads/${id}`);
  }

  /**
   * A picture of an upload, its longer side at most `size` pixels, as JPEG; retries while the studio is busy.
   * @returns {Promise<Blob>}
   */
  view(id, size = 320) {
    return this.#patiently(async () => (await this.#ask("GET", `/uploads/${id}/view?size=${size}`)).blob());
  }

  /**
   * The size of an upload and of its tiles at full size, which are made if need be; retries while the studio is busy.
   * @param {string} id
   * @param {"uploads"|"jobs"} [of] "jobs": of a job's result
   * @returns {Promise<TileFacts>}
   */
  tiles(id, of = "uploads") {
    return this.#patiently(() => this.#json("GET", `/${of}/${id}/tiles`));
  }

  /**
   * A tile as JPEG; level 0 is the full size, and each next one half as wide and high.
   * @param {string} id
   * @param {{level?: number, column: number, row: number}} place
   * @param {"uploads"|"jobs"} [of]
   * @returns {Promise<Blob>}
   */
  tile(id, { level = 0, column, row }, of = "uploads") {
    return this.#patiently(async () => (await this.#ask("GET", `/${of}/${id}/tiles/${level}/${column}/${row}`)).blob());
  }

  /**
   * The faces in an upload, the surest first; retries while the studio is busy.
   * @returns {Promise<FaceFacts[]>}
   */
  faces(id) {
    return this.#patiently(() => this.#json("GET", `/uploads/${id}/faces`));
  }

  /**
   * The mask by which an upload's faces are protected, as PNG; corrected and sent, it is a `face_mask`.
   * @returns {Promise<Blob>}
   */
  faceMask(id) {
    return this.#patiently(async () => (await this.#ask("GET", `/uploads/${id}/face-mask`)).blob());
  }

  /** Add an uploaded picture to the library: {picture, name, title, artist}. */
  addStyle(style) {
    return this.#json("POST", "/styles", { json: style });
  }

  /** Remove a style that you have added to the library. */
  async removeStyle(name) {
    await this.#ask("DELETE", `/styles/${name}`);
  }

  /** Methods, and the options of each. */
  methods() {
    return this.#json("GET", "/methods");
  }

  /** Presets: the method and settings of each. */
  presets() {
    return this.#json("GET", "/presets");
  }

  /**
   * Who you are, what you may do and what you have used; without logins, your name is "local".
   * @returns {Promise<AccountFacts>}
   */
  account() {
    return this.#json("GET", "/account");
  }

  /** @returns {AsyncGenerator<JobFacts>} your jobs, newest first */
  jobs() {
    return this.#all("/jobs");
  }

  /**
   * A part of the list of your jobs, newest first.
   * @param {{kind?: string, status?: Status[], search?: string, limit?: number, cursor?: string}} [wanted] only those of
   *   a kind, with one of these statuses, with words in the title; `next` of the part before
   * @returns {Promise<{items: JobFacts[], next: ?string}>}
   */
  jobPage({ status = [], ...wanted } = {}) {
    const query = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value));
    for (const one of status) query.append("status", one);
    return this.#json("GET", `/jobs?${query}`);
  }

  /**
   * Yield changes of all your jobs until none waits or runs: ["job", facts], ["gone", {id}] and ["end", {}].
   * @param {{signal?: AbortSignal}} [options]
   * @returns {AsyncGenerator<[string, object]>}
   */
  queue({ signal } = {}) {
    return this.#stream("/jobs/events", signal);
  }

  /** @returns {AsyncGenerator<UploadFacts>} your uploads, newest first */
  uploads() {
    return this.#all("/uploads");
  }

  /** @returns {AsyncGenerator<StyleFacts>} the styles of the library, by name */
  styles() {
    return this.#all("/styles");
  }

  async *#all(path) {
    let cursor = "";
    do {
      const page = await this.#json("GET", `${path}?limit=200${cursor && `&cursor=${cursor}`}`);
      yield* page.items;
      cursor = page.next;
    } while (cursor);
  }

  /** The answer to a request that is sent again while the studio is busy. */
  async #patiently(ask, signal) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await ask();
      } catch (error) {
        if (!BUSY.includes(error.status) || tries >= TRIES) throw error;
        const seconds = error.problem.retry_after ?? 2;
        this.busy?.(seconds);
        await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
        signal?.throwIfAborted();
      }
    }
  }

  async #json(method, path, given) {
    return (await this.#ask(method, path, given)).json();
  }

  async #ask(method, path, { json, body, key, signal } = {}) {
    const headers = {};
    if (this.token) headers.authorization = `Bearer ${this.token}`;
    if (key) headers["idempotency-key"] = key;
    if (json) headers["content-type"] = "application/json";
    const answer = await fetch(this.base + path, { method, headers, body: json ? JSON.stringify(json) : body, signal });
    if (answer.ok) return answer;
    const usual = { type: "about:blank", status: answer.status, detail: `the studio answered ${answer.status}` };
    throw new StudioError(await answer.json().catch(() => usual));
  }
}

/** A JPEG from base64. */
function jpegOf(text) {
  return new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], { type: "image/jpeg" });
}

/** An idempotency key; browsers have crypto.randomUUID over HTTPS and on this machine only. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
