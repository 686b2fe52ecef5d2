// Save: one click, with the format and size that were chosen last.
import { saveNow } from "./saving";
import { SaveIcon } from "./icons";
import { photo, saveShare } from "./state";
import { formatPercent, t } from "./texts";

export function SaveButton() {
  const share = saveShare.value;
  return (
    <button type="button" class="button primary save" disabled={!photo.value?.facts || share !== null} onClick={() => void saveNow()}>
      <SaveIcon /> <span>{share === null ? t("save") : formatPercent(share)}</span>
    </button>
  );
}
