// What survives a reload, in localStorage, which may be full or closed to us.
const PREFIX = "brushwork.";

/** A stored value; the fallback if there is none. */
export function stored<T>(name: string, fallback: T): T {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback;
  }
}

/** Store a value; without room it is lost, and nothing else. */
export function store(name: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // a private window, or a full disk
  }
}
