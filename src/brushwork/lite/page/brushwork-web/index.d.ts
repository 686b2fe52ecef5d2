/** A style that a file of styles contains. */
export interface Style {
  name: string;
  /** Title, artist and year of the painting, where they are known. */
  title: string;
  artist: string;
  year: string;
}

export interface LoadOptions {
  /** The module onnxruntime-web; imported as "onnxruntime-web/wasm" if omitted. */
  runtime?: typeof import("onnxruntime-web");
  /** Its WebAssembly, if it can't be fetched. */
  wasm?: ArrayBuffer | Uint8Array;
  /** Threads; more than one needs a page that is cross-origin isolated. */
  threads?: number;
}

export interface PaintOptions {
  /** A style's name; the first if omitted. */
  style?: string;
  /** From 0, the photo, to 1, the default. */
  strength?: number;
  /** Side of tiles in pixels; the result is the same for all. */
  tile?: number;
  /** Called with the steps that are done, and their number. */
  onProgress?: (done: number, count: number) => void;
  /** Stops between two steps; `paint` then throws its reason. */
  signal?: AbortSignal;
}

export interface Painter {
  readonly styles: readonly Style[];
  /** Returns a picture of the photo's size, with its alpha. */
  paint(photo: ImageData, options?: PaintOptions): Promise<ImageData>;
  /** Frees the memory of WebAssembly. */
  close(): Promise<void>;
}

/** Loads a file of styles, `styles.safetensors`, by its address or as bytes. */
export function load(source: string | URL | ArrayBuffer | Uint8Array, options?: LoadOptions): Promise<Painter>;

/** Returns a photo mixed with its painting: the photo at strength 0. */
export function mixed(photo: ImageData, painted: ImageData, strength: number): ImageData;
