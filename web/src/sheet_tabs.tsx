// On a phone: which of the two sheets is in front.
import { showSheet } from "./actions";
import { BrushIcon, SlidersIcon } from "./icons";
import { sheet } from "./state";
import { t } from "./texts";

export function SheetTabs() {
  return (
    <nav class="sheet-tabs phone" aria-label={t("sheets")}>
      <button
        type="button"
        class="sheet-tab"
        aria-pressed={sheet.value === "styles"}
        onClick={() => showSheet("styles")}
      >
        <BrushIcon size={18} /> {t("styles")}
      </button>
      <button
        type="button"
        class="sheet-tab"
        aria-pressed={sheet.value === "controls"}
        onClick={() => showSheet("controls")}
      >
        <SlidersIcon size={18} /> {t("controls")}
      </button>
    </nav>
  );
}
