// The bar at the top: open, undo, compare, zoom, windows, appearance, save.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { redo, setTheme, togglePanel, undo } from "./actions";
import { aiming } from "./camera";
import {
  CameraIcon,
  CompareIcon,
  FitIcon,
  HelpIcon,
  LeaveIcon,
  LanguageIcon,
  MenuIcon,
  MoonIcon,
  OpenIcon,
  RedoIcon,
  SunIcon,
  UndoIcon,
  ZoomInIcon,
  ZoomOutIcon,
} from "./icons";
import type { Icon } from "./icons";
import { openPhotos } from "./dropping";
import { film } from "./film";
import { FilmButton } from "./film_button";
import { helping } from "./help";
import { panelsOf } from "./panels";
import { SaveButton } from "./save_button";
import { stepWords } from "./step_words";
import { giveUp } from "./screen_job";
import { account, canRedo, canUndo, comparing, future, isDark, panel, past, photo, view } from "./state";
import { formatPercent, language, LANGUAGES, speak, t } from "./texts";
import { Dialog, IconButton } from "./widgets";
import { actualSize, percentOfActual, zoomBy, zoomToFit } from "./zoom";
import "./topbar.css";

export function TopBar() {
  return (
    <header class="topbar">
      <OpenButton />
      <div class="group desk">
        <IconButton {...camera()} onClick={aim} />
      </div>
      <div class="group" role="group" aria-label={t("topbar.history")}>
        <IconButton
          icon={UndoIcon}
          label={t("undo")}
          hint={stepWords("undo", past.value.at(-1))}
          keys="Control+Z"
          disabled={!canUndo.value}
          onClick={undo}
        />
        <IconButton
          icon={RedoIcon}
          label={t("redo")}
          hint={stepWords("redo", future.value[0])}
          keys="Control+Shift+Z"
          disabled={!canRedo.value}
          onClick={redo}
        />
      </div>
      {photo.value && <ViewButtons />}
      <span class="spacer" />
      <div class="group desk">
        {panelsOf("overlay").map((one) => (
          <span key={one.id} class="badged" data-badge={one.badge?.() || undefined}>
            <IconButton
              icon={one.icon}
              label={t(one.title)}
              pressed={panel.value === one.id}
              disabled={Boolean(one.needsPhoto) && !photo.value}
              onClick={() => togglePanel(one.id)}
            />
          </span>
        ))}
        {appearance().map(({ icon, label, keys, act }) => (
          <IconButton key={label} icon={icon} label={label} {...(keys ? { keys } : {})} onClick={act} />
        ))}
      </div>
      <PhoneMenu />
      {film.value ? <FilmButton /> : <SaveButton />}
    </header>
  );
}

interface Entry {
  readonly icon: Icon;
  readonly label: string;
  readonly keys?: string;
  readonly act: () => void;
}

const aim = (): void => void (aiming.value = true);
const camera = () => ({ icon: CameraIcon, label: t("camera.open") });

/** What is about the page rather than the picture: on a phone behind one button. */
function appearance(): readonly Entry[] {
  const next = LANGUAGES[(LANGUAGES.indexOf(language.value) + 1) % LANGUAGES.length] ?? "en";
  return [
    { icon: LanguageIcon, label: t("language.other"), act: () => void speak(next) },
    {
      icon: isDark.value ? SunIcon : MoonIcon,
      label: t(isDark.value ? "theme.light" : "theme.dark"),
      act: () => setTheme(isDark.value ? "light" : "dark"),
    },
    { icon: HelpIcon, label: t("help"), keys: "?", act: () => (helping.value = true) },
    ...(account.value
      ? [{ icon: LeaveIcon, label: t("logout", { name: account.value }), act: () => void logOut() }]
      : []),
  ];
}

async function logOut(): Promise<void> {
  await giveUp(); // afterwards, it could not be given up any more
  await fetch("/logout", { method: "POST" });
  location.assign("/login");
}

function PhoneMenu() {
  const open = useSignal(false);
  const overlays = panelsOf("overlay").map((one) => ({
    icon: one.icon,
    label: t(one.title),
    act: () => togglePanel(one.id),
  }));
  const entries: Entry[] = [
    { ...camera(), act: aim },
    ...overlays,
    { icon: FitIcon, label: t("zoom.fit"), act: zoomToFit },
    ...appearance().filter((one) => one.keys === undefined), // a finger has no use for the list of keys
  ];
  return (
    <div
      class="group phone badged"
      data-badge={panelsOf("overlay")
        .map((one) => one.badge?.())
        .find(Boolean)}
    >
      <IconButton icon={MenuIcon} label={t("menu")} onClick={() => (open.value = true)} />
      {open.value && (
        <Dialog title={t("menu")} onClose={() => (open.value = false)}>
          <ul class="menu">
            {entries.map(({ icon: Shape, label, act }) => (
              <li key={label}>
                <button
                  type="button"
                  class="menu-entry"
                  onClick={() => {
                    open.value = false;
                    act();
                  }}
                >
                  <Shape /> {label}
                </button>
              </li>
            ))}
          </ul>
        </Dialog>
      )}
    </div>
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
        ref={input}
        id="open-photo"
        class="hidden"
        type="file"
        multiple
        accept="image/*,video/*,.mkv,.heic,.heif,.tif,.tiff,.avif,.jxl"
        tabIndex={-1}
        aria-label={t("open")}
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = "";
          openPhotos(files);
        }}
      />
    </>
  );
}

function ViewButtons() {
  return (
    <div class="group" role="group" aria-label={t("topbar.view")}>
      <IconButton
        icon={CompareIcon}
        label={t("compare")}
        keys="C"
        pressed={comparing.value}
        onClick={() => (comparing.value = !comparing.value)}
      />
      <span class="desk zooming">
        <IconButton icon={ZoomOutIcon} label={t("zoom.out")} keys="-" onClick={() => zoomBy(1 / 1.4)} />
        <button type="button" class="zoom-value" title={`${t("zoom.actual")} (1)`} onClick={actualSize}>
          {formatPercent(percentOfActual.value)}
        </button>
        <IconButton icon={ZoomInIcon} label={t("zoom.in")} keys="+" onClick={() => zoomBy(1.4)} />
      </span>
      <span class="desk">
        <IconButton
          icon={FitIcon}
          label={t("zoom.fit")}
          keys="0"
          disabled={view.value.zoom === 1 && view.value.x === 0 && view.value.y === 0}
          onClick={zoomToFit}
        />
      </span>
    </div>
  );
}
