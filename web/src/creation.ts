// Which card of "Create" is open.
import { signal } from "@preact/signals";

export const creation = signal<string | null>(null);
