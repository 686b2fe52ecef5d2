// Files that are dropped or pasted anywhere.
import { openPhoto } from "./opening";

/** Follow drops and pastes. */
export function listenToDrops(): void {
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file) void openPhoto(file);
  });
  addEventListener("paste", (event) => {
    const file = event.clipboardData?.files[0];
    if (!file) return;
    event.preventDefault();
    void openPhoto(file);
  });
}
