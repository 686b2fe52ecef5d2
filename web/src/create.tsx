// Create: what else can be made than a picture of one photo. To add a card, write its component and a line here.
import type { FunctionComponent } from "preact";
import { creation } from "./creation";
import type { Icon } from "./icons";
import { Series } from "./series";
import { t } from "./texts";
import type { TextKey } from "./texts";
import { TextureSheet } from "./texture_sheet";
import { BackIcon, SeriesIcon, TextureIcon } from "./work_icons";
import "./create.css";

interface Creation {
  readonly id: string;
  readonly title: TextKey;
  readonly hint: TextKey;
  readonly icon: Icon;
  readonly component: FunctionComponent;
}

const CREATIONS: readonly Creation[] = [
  { id: "series", title: "series", hint: "series.hint", icon: SeriesIcon, component: Series },
  { id: "texture", title: "texture", hint: "texture.hint", icon: TextureIcon, component: TextureSheet },
];

export function Create() {
  const open = CREATIONS.find((one) => one.id === creation.value);
  if (!open) {
    return (
      <div class="creations">
        {CREATIONS.map((one) => (
          <button key={one.id} type="button" class="creation" onClick={() => (creation.value = one.id)}>
            <one.icon size={36} />
            <strong>{t(one.title)}</strong>
            <span>{t(one.hint)}</span>
          </button>
        ))}
      </div>
    );
  }
  return (
    <section class="creation-open" aria-label={t(open.title)}>
      <header>
        <button type="button" class="button" onClick={() => (creation.value = null)}>
          <BackIcon size={18} /> {t("create.all")}
        </button>
        <h3>{t(open.title)}</h3>
      </header>
      <open.component />
    </section>
  );
}
