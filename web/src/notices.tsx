// Lines at the top: what went wrong, or was done.
import { dismiss } from "./actions";
import { AlertIcon, CheckIcon, CloseIcon, OfflineIcon } from "./icons";
import { notices, offline } from "./state";
import { t } from "./texts";
import { IconButton } from "./widgets";
import "./notices.css";

export function Notices() {
  return (
    <div class="notices">
      <div aria-live="polite">
        {offline.value && (
          <p class="notice card">
            <OfflineIcon /> <span>{t("offline")}</span>
          </p>
        )}
      </div>
      <div aria-live="assertive">
        {notices.value.map((notice) => (
          <p key={notice.id} class={`notice card ${notice.kind}`}>
            {notice.kind === "error" ? <AlertIcon /> : <CheckIcon />}
            <span>{notice.text}</span>
            {notice.undo && (
              <button
                type="button"
                class="link"
                onClick={() => {
                  notice.undo?.();
                  dismiss(notice.id);
                }}
              >
                {t("undo")}
              </button>
            )}
            <IconButton icon={CloseIcon} label={t("close")} size={16} onClick={() => dismiss(notice.id)} />
          </p>
        ))}
      </div>
    </div>
  );
}
