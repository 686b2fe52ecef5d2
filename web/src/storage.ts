// What survives a reload, in the browser's storage, which may be full or closed to us.
const PREFIX = "brushwork.";

type Area = "localStorage" | "sessionStorage"; // of all tabs, or of this one

/** A stored value; the fallback if there is none. */
export function stored<T>(name: string, fallback: T, area: Area = "localStorage"): T {
  try {
    const text = window[area].getItem(PREFIX + name);
    return text === null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback;
  }
}

/** Store a value; without room it is lost, and nothing else. */
export function store(name: string, value: unknown, area: Area = "localStorage"): void {
  try {
    window[area].setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // a private window, or a full disk
  }
}
