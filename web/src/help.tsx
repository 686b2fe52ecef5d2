// The list of keys.
import { signal } from "@preact/signals";
import { KEYS, KEYS_THERE } from "./keys";
import { t } from "./texts";
import { Dialog } from "./widgets";

export const helping = signal(false);

export function Help() {
  if (!helping.value) return null;
  return (
    <Dialog title={t("help.title")} onClose={() => (helping.value = false)}>
      <dl class="key-list">
        {[...KEYS, ...KEYS_THERE].map(({ shown: keys, text }) => (
          <div key={text}>
            <dt>
              <kbd>{t(keys)}</kbd>
            </dt>
            <dd>{t(text)}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
