// A short strip of styles with a search, for sheets that have no stage; with the photo's thumbnails if there are any.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { chooseStyle } from "./actions";
import { stylesBy } from "./library";
import { SearchField } from "./search_field";
import { recipe, styles } from "./state";
import { t } from "./texts";
import { thumbnailOf } from "./thumbnails";

export function StylePicker() {
  const list = useRef<HTMLDivElement>(null);
  const chosen = recipe.value.style.length === 1 ? recipe.value.style[0]?.style : undefined;
  const words = useSignal("");
  const found = stylesBy(words.value);
  useEffect(() => {
    const show = (): void =>
      list.current?.querySelector("[aria-pressed=true]")?.scrollIntoView({ inline: "center", block: "nearest" });
    const frame = requestAnimationFrame(show); // by then the dialog around it is open
    return () => cancelAnimationFrame(frame);
  }, [found.length]);
  return (
    <div class="style-search">
      <SearchField label={t("styles.search")} value={words.value} onInput={(text) => (words.value = text)} />
      {found.length === 0 && styles.value.length > 0 && <p class="quiet">{t("styles.none")}</p>}
      <div class="style-picker" role="group" aria-label={t("styles")} ref={list}>
      {found.map((style) => (
        <button
          key={style.name}
          type="button"
          class="style-choice"
          aria-pressed={style.name === chosen}
          title={style.title || style.name}
          onClick={() => chooseStyle(style.name)}
        >
          <img
            src={thumbnailOf(style.name) ?? `/api/v1/styles/${encodeURIComponent(style.name)}/swatch`}
            alt=""
            loading="lazy"
          />
          <span>{style.title || style.name}</span>
        </button>
      ))}
      </div>
    </div>
  );
}
