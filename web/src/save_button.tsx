// Save: one click, with the format and size that were chosen last; the arrow beside it chooses others.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { setSaving } from "./actions";
import { ChevronIcon, SaveIcon } from "./icons";
import { savedPixels, saveNow } from "./saving";
import { photo, saveQueued, saveShare, saving } from "./state";
import { formatPercent, t } from "./texts";
import { Choice } from "./widgets";
import "./save_button.css";

export function SaveButton() {
  const open = useSignal(false);
  const whole = useRef<HTMLDivElement>(null);
  const share = saveShare.value;
  const disabled = !photo.value?.facts;
  useEffect(() => {
    const close = (event: Event): void => {
      if (!whole.current?.contains(event.target as Node)) open.value = false;
    };
    addEventListener("pointerdown", close);
    addEventListener("focusin", close);
    return () => {
      removeEventListener("pointerdown", close);
      removeEventListener("focusin", close);
    };
  }, [open]);
  return (
    <div
      class="save-box"
      ref={whole}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !open.value) return;
        event.stopPropagation();
        open.value = false;
      }}
    >
      <button
        type="button"
        class={share === null ? "button primary save" : "button primary save busy"}
        style={{ "--share": `${100 * (share ?? 0)}%` }}
        disabled={disabled || share !== null}
        aria-keyshortcuts="Control+S"
        title={t("save.hint", { format: saving.value.format.toUpperCase(), size: t(`save.${saving.value.size}`) })}
        onClick={() => {
          open.value = false;
          void saveNow();
        }}
      >
        <SaveIcon /> <span aria-live="polite">{saveWords(share)}</span>
      </button>
      <button
        type="button"
        class="button primary save-more"
        disabled={disabled}
        aria-label={t("save.choose")}
        title={t("save.choose")}
        aria-expanded={open.value}
        onClick={() => (open.value = !open.value)}
      >
        <ChevronIcon size={16} />
      </button>
      {open.value && (
        <div class="save-menu card" role="group" aria-label={t("save.choose")}>
          <Choice
            label={t("save.format")}
            value={saving.value.format}
            onChange={(format) => setSaving({ format })}
            choices={(["png", "jpeg", "tiff"] as const).map((value) => ({
              value,
              label: t(`save.${value}`),
              hint: t(`save.${value}.hint`),
            }))}
          />
          <Choice
            label={t("save.size")}
            value={saving.value.size}
            onChange={(size) => setSaving({ size })}
            choices={(["screen", "full"] as const).map((value) => ({
              value,
              label: t(`save.${value}`),
              hint: t(`save.${value}.hint`),
            }))}
          />
          <p class="quiet" role="status">
            {t("save.pixels", savedPixels())}
          </p>
        </div>
      )}
    </div>
  );
}

function saveWords(share: number | null): string {
  if (share === null) return t("save");
  return saveQueued.value ? t("status.waiting") : formatPercent(share);
}
