// The strip at the bottom: every style.
import { chooseStyle } from "./actions";
import { recipe, sheet, styles } from "./state";
import { t } from "./texts";
import "./strip.css";

export function Strip() {
  const chosen = recipe.value.style[0]?.style;
  return (
    <section class={`strip card ${sheet.value === "styles" ? "front" : ""}`} aria-label={t("styles")}>
      <ul class="thumbnails">
        {styles.value.map((style) => (
          <li key={style.name}>
            <button type="button" class="thumbnail" aria-pressed={style.name === chosen} title={`${style.title}, ${style.artist}`} onClick={() => chooseStyle(style.name)}>
              <img src={`/api/v1/styles/${encodeURIComponent(style.name)}/swatch`} alt="" loading="lazy" />
              <span class="thumbnail-title">{style.title || style.name}</span>
              <span class="thumbnail-artist">{style.artist || "\u00a0"}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
