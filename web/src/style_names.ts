// Styles as people know them.
import { styles } from "./state";
import { t } from "./texts";
import { thumbnailOf } from "./thumbnails";

/** A style's title. */
export function titleOf(style: string): string {
  if (style.startsWith("@")) return t("styles.own");
  return styles.value.find((one) => one.name === style)?.title || style;
}

/** A small picture of a style: the photo painted in it, or until that is there, what the style looks like by itself. */
export const pictureOf = (style: string): string | undefined =>
  thumbnailOf(style) ?? (style.startsWith("@") ? undefined : `/api/v1/styles/${encodeURIComponent(style)}/swatch`);
