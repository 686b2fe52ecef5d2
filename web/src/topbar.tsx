// The bar at the top: open, undo, compare, zoom, windows, appearance, save.
import { useRef } from "preact/hooks";
import { redo, setTheme, togglePanel, undo } from "./actions";
import { CompareIcon, FitIcon, HelpIcon, MoonIcon, OpenIcon, RedoIcon, SunIcon, UndoIcon, ZoomInIcon, ZoomOutIcon } from "./icons";
import { helping } from "./help";
import { openPhoto } from "./opening";
import { panelsOf } from "./panels";
import { SaveButton } from "./save_button";
import { canRedo, canUndo, comparing, panel, photo, theme, view } from "./state";
import { formatPercent, language, LANGUAGES, speak, t } from "./texts";
import { IconButton } from "./widgets";
import { actualSize, percentOfActual, zoomBy, zoomToFit } from "./zoom";
import "./topbar.css";

export function TopBar() {
  return (
    <header class="topbar">
      <OpenButton />
      <div class="group" role="group" aria-label={t("topbar.history")}>
        <IconButton icon={UndoIcon} label={t("undo")} keys="Control+Z" disabled={!canUndo.value} onClick={undo} />
        <IconButton icon={RedoIcon} label={t("redo")} keys="Control+Shift+Z" disabled={!canRedo.value} onClick={redo} />
      </div>
      {photo.value && <ViewButtons />}
      <span class="spacer" />
      <div class="group">
        {panelsOf("overlay").map((one) => (
          <span key={one.id} class="badged" data-badge={one.badge?.() || undefined}>
            <IconButton icon={one.icon} label={t(one.title)} pressed={panel.value === one.id} onClick={() => togglePanel(one.id)} />
          </span>
        ))}
        <span class="desk"><LanguageButton /></span>
        <ThemeButton />
        <span class="desk"><IconButton icon={HelpIcon} label={t("help")} keys="?" onClick={() => (helping.value = true)} /></span>
      </div>
      <SaveButton />
    </header>
  );
}

function OpenButton() {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class="button open" title={`${t("open")} (O)`} onClick={() => input.current?.click()}>
        <OpenIcon /> <span class="wordy">{t("open")}</span>
      </button>
      <input
        ref={input} id="open-photo" class="hidden" type="file" accept="image/*,.heic,.heif,.tif,.tiff,.avif,.jxl" tabIndex={-1}
        aria-label={t("open")}
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = "";
          if (file) void openPhoto(file);
        }}
      />
    </>
  );
}

function ViewButtons() {
  return (
    <div class="group" role="group" aria-label={t("topbar.view")}>
      <IconButton
        icon={CompareIcon} label={t("compare")} keys="C" pressed={comparing.value}
        onClick={() => (comparing.value = !comparing.value)}
      />
      <span class="desk zooming">
        <IconButton icon={ZoomOutIcon} label={t("zoom.out")} keys="-" onClick={() => zoomBy(1 / 1.4)} />
        <button type="button" class="zoom-value" title={`${t("zoom.actual")} (1)`} onClick={actualSize}>
          {formatPercent(percentOfActual.value)}
        </button>
        <IconButton icon={ZoomInIcon} label={t("zoom.in")} keys="+" onClick={() => zoomBy(1.4)} />
      </span>
      <IconButton icon={FitIcon} label={t("zoom.fit")} keys="0" disabled={view.value.zoom === 1 && view.value.x === 0 && view.value.y === 0} onClick={zoomToFit} />
    </div>
  );
}

function ThemeButton() {
  const dark = theme.value === "dark" || (theme.value === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  return <IconButton icon={dark ? SunIcon : MoonIcon} label={t(dark ? "theme.light" : "theme.dark")} onClick={() => setTheme(dark ? "light" : "dark")} />;
}

function LanguageButton() {
  const next = LANGUAGES[(LANGUAGES.indexOf(language.value) + 1) % LANGUAGES.length] ?? "en";
  return (
    <button type="button" class="icon-button language" aria-label={t("language.other")} title={t("language.other")} lang={next} onClick={() => void speak(next)}>
      {next.toUpperCase()}
    </button>
  );
}
