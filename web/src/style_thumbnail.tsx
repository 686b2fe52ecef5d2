// One style of the strip: its thumbnail, title and artist, and whether it is a favorite.
import { useSignal } from "@preact/signals";
import type { StyleFacts } from "../../src/brushwork/studio/v1/client.js";
import { chooseStyle, toggleFavorite } from "./actions";
import { STYLE_DRAG } from "./blend_panel";
import { addToBlend } from "./blending";
import { pointAt } from "./glimpse";
import { BlendIcon, HeartFullIcon, HeartIcon, TrashIcon } from "./icons";
import { removePainting } from "./opening";
import { favorites } from "./state";
import { t } from "./texts";
import { Dialog } from "./widgets";

interface Props {
  style: StyleFacts;
  url: string | undefined; // of the photo in this style; none until it is painted
  chosen: boolean;
  entry: boolean; // whether Tab reaches it
  onFocus: () => void;
}

export function StyleThumbnail({ style, url, chosen, entry, onFocus }: Props) {
  const removing = useSignal(false);
  const favorite = favorites.value.includes(style.name);
  const title = style.title || style.name;
  const keys = (event: KeyboardEvent): void => {
    if (event.key.toLowerCase() === "f" && !event.ctrlKey && !event.metaKey) toggleFavorite(style.name);
    else if (event.key.toLowerCase() === "b" && !event.ctrlKey && !event.metaKey) addToBlend(style.name);
    else if (event.key === "Delete" && style.own) removing.value = true;
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <li
      class="thumbnail-cell"
      draggable
      onDragStart={(event) => event.dataTransfer?.setData(STYLE_DRAG, style.name)}
      onPointerEnter={(event) => event.pointerType === "mouse" && pointAt(style.name)}
      onPointerLeave={() => pointAt(null)}
    >
      <button
        type="button"
        class="thumbnail"
        aria-pressed={chosen}
        tabIndex={entry ? 0 : -1}
        title={style.artist ? `${title}, ${style.artist}` : title}
        aria-keyshortcuts={style.own ? "F B Delete" : "F B"}
        onClick={() => {
          pointAt(null);
          chooseStyle(style.name);
        }}
        onFocus={(event) => {
          onFocus();
          if (event.currentTarget.matches(":focus-visible")) pointAt(style.name);
        }}
        onBlur={() => pointAt(null)}
        onKeyDown={keys}
      >
        {url ? <img src={url} alt="" draggable={false} /> : <span class="thumbnail-empty" />}
        <span class="thumbnail-words">
          <span class="thumbnail-title">{title}</span>
          <span class="thumbnail-artist">{style.artist || (style.own && t("styles.own"))}</span>
        </span>
      </button>
      <button
        type="button"
        class="heart"
        tabIndex={-1}
        aria-pressed={favorite}
        aria-label={t("styles.favorite", { name: title })}
        title={`${t("styles.favorite", { name: title })} (F)`}
        onClick={() => toggleFavorite(style.name)}
      >
        {favorite ? <HeartFullIcon size={16} /> : <HeartIcon size={16} />}
      </button>
      <button
        type="button" class="heart mix" tabIndex={-1} aria-label={t("blend.add", { name: title })} title={`${t("blend.add", { name: title })} (B)`}
        onClick={() => addToBlend(style.name)}
      >
        <BlendIcon size={16} />
      </button>
      {style.own && (
        <button
          type="button"
          class="heart trash"
          tabIndex={-1}
          aria-label={t("styles.remove", { name: title })}
          title={t("styles.remove", { name: title })}
          onClick={() => (removing.value = true)}
        >
          <TrashIcon size={16} />
        </button>
      )}
      {removing.value && (
        <Dialog title={t("styles.remove", { name: title })} onClose={() => (removing.value = false)}>
          <p>{t("styles.remove.sure")}</p>
          <div class="dialog-buttons">
            <button type="button" class="button" onClick={() => (removing.value = false)}>
              {t("cancel")}
            </button>
            <button type="button" class="button primary" onClick={() => void removePainting(style.name)}>
              {t("remove")}
            </button>
          </div>
        </Dialog>
      )}
    </li>
  );
}
