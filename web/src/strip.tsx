// The strip at the bottom: the photo in every style.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { togglePanel } from "./actions";
import { activeRegion, regionsOf } from "./choosing";
import { AddIcon, BrushIcon } from "./icons";
import { filter, filters, found, search } from "./library";
import { openPainting } from "./opening";
import { panelsOf } from "./panels";
import { SearchField } from "./search_field";
import { panel, recipe, sheet, styles } from "./state";
import { t } from "./texts";
import { StyleThumbnail } from "./style_thumbnail";
import { thumbnails, thumbnailsComplete } from "./thumbnails";
import "./strip.css";

export function Strip() {
  const tabs = panelsOf("strip");
  const open = tabs.find((one) => one.id === panel.value);
  return (
    <section class={`strip card ${sheet.value === "styles" ? "front" : ""}`} aria-label={t(open?.title ?? "styles")}>
      <header class="strip-head">
        {tabs.length > 0 && (
          <div class="strip-tabs" role="group" aria-label={t("strip.tabs")}>
            <button type="button" class="chip" aria-pressed={!open} onClick={() => open && togglePanel(open.id)}>
              <BrushIcon size={16} />
              {t("styles")}
            </button>
            {tabs.map((one) => (
              <button
                key={one.id}
                type="button"
                class="chip"
                aria-pressed={one === open}
                onClick={() => togglePanel(one.id)}
              >
                <one.icon size={16} />
                {t(one.title)}
              </button>
            ))}
          </div>
        )}
        {!open && <Search />}
        {!open && <Filters />}
        {!open && <AddPainting />}
      </header>
      {open ? <open.component /> : <Thumbnails />}
    </section>
  );
}

function Search() {
  const set = (words: string): string => (search.value = words);
  return (
    <SearchField
      id="style-search"
      label={t("styles.search")}
      placeholder={t("search")}
      value={search.value}
      onInput={set}
      onEscape={() => set("")}
    />
  );
}

function Filters() {
  return (
    <div class="filters" role="group" aria-label={t("styles.filter")}>
      {filters.value.map((one) => (
        <button
          key={one}
          type="button"
          class="chip"
          aria-pressed={filter.value === one}
          onClick={() => (filter.value = filter.value === one ? "all" : one)}
        >
          {t(one === "all" || one === "favorites" || one === "own" ? `filter.${one}` : `mood.${one}`)}
        </button>
      ))}
    </div>
  );
}

function AddPainting() {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class="chip add" title={t("styles.add.hint")} onClick={() => input.current?.click()}>
        <AddIcon size={16} /> <span>{t("styles.add")}</span>
      </button>
      <input
        ref={input}
        id="open-painting"
        class="hidden"
        type="file"
        accept="image/*,.heic,.heif,.tif,.tiff,.avif,.jxl"
        tabIndex={-1}
        aria-label={t("styles.add")}
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = "";
          if (file) void openPainting(file);
        }}
      />
    </>
  );
}

function Thumbnails() {
  const list = useRef<HTMLUListElement>(null);
  const focused = useSignal<string | null>(null); // which of them Tab reaches; the arrow keys go on from there
  const parts = recipe.value.style;
  const used = new Set(parts.map((part) => part.style));
  const chosen = regionsOf(recipe.value)[activeRegion()]?.at(-1)?.style ?? "";
  const shown = found.value;
  const entry = [focused.value, chosen].find((name) => shown.some((style) => style.name === name)) ?? shown[0]?.name;
  useEffect(() => {
    const at = found.value.findIndex((style) => style.name === chosen);
    const item = list.current?.children[at];
    if (!list.current) return;
    if (!item) return void (list.current.scrollLeft = 0);
    // One that is in sight stays where it is: else the strip would move under the pointer, which then points at another.
    const [inner, outer] = [item.getBoundingClientRect(), list.current.getBoundingClientRect()];
    if (inner.left < outer.left || inner.right > outer.right)
      item.scrollIntoView({ block: "nearest", inline: "center" });
  }, [chosen, filter.value, search.value, styles.value.length]);
  const move = (event: KeyboardEvent): void => {
    const buttons = [...(list.current?.querySelectorAll<HTMLElement>(".thumbnail") ?? [])];
    const at = buttons.indexOf(event.target as HTMLElement);
    const to = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      Home: 0,
      End: buttons.length - 1,
      PageUp: Math.max(0, at - 8),
      PageDown: Math.min(buttons.length - 1, at + 8),
    }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    buttons[to]?.focus();
  };
  if (shown.length === 0 && styles.value.length > 0)
    return (
      <p class="strip-empty">
        {t(filter.value === "favorites" && !search.value ? "styles.no-favorites" : "styles.none")}
      </p>
    );
  return (
    <ul
      class="thumbnails"
      ref={list}
      onKeyDown={move}
      aria-busy={!thumbnailsComplete.value}
      onWheel={(event) => {
        if (event.deltaX === 0 && list.current) list.current.scrollLeft += event.deltaY; // a mouse's wheel only knows up and down
      }}
    >
      {shown.map((style) => (
        <StyleThumbnail
          key={style.name}
          style={style}
          url={thumbnails.value.get(style.name)?.url}
          chosen={used.has(style.name)}
          entry={style.name === entry}
          onFocus={() => (focused.value = style.name)}
        />
      ))}
    </ul>
  );
}
