import { effect } from "@preact/signals";
import { Camera } from "./camera";
import { Controls } from "./controls";
import { Drawer } from "./drawer";
import { DropZones } from "./dropping";
import { film } from "./film";
import { Help } from "./help";
import { Notices } from "./notices";
import { PANELS } from "./panels";
import type { Panel } from "./panels";
import { wholeShare } from "./queue";
import { SheetTabs } from "./sheet_tabs";
import { Stage } from "./stage";
import { isDark, panel, photo } from "./state";
import { Strip } from "./strip";
import { formatPercent, t } from "./texts";
import { Timeline } from "./timeline";
import { TopBar } from "./topbar";
import { Dialog } from "./widgets";
import "./theme.css";
import "./app.css";

export function App() {
  const open = PANELS.find((one) => one.slot === "overlay" && one.id === panel.value);
  return (
    <div class={film.value ? "app film" : photo.value ? "app" : "app empty"}>
      <TopBar />
      <Stage />
      {photo.value && (
        <>
          <Controls />
          <Timeline />
          <Strip />
          <SheetTabs />
        </>
      )}
      {open && <Overlay key={open.id} panel={open} />}
      <Notices />
      <Help />
      <Camera />
      <DropZones />
    </div>
  );
}

function Overlay({ panel: open }: { panel: Panel }) {
  const close = (): void => {
    if (panel.value === open.id) panel.value = null;
  };
  if (open.drawer)
    return (
      <Drawer title={t(open.title)} onClose={close}>
        <open.component />
      </Drawer>
    );
  return (
    <Dialog title={t(open.title)} wide onClose={close}>
      <open.component />
    </Dialog>
  );
}

/** Keep the theme on the root element, where theme.css looks for it; in the title, the photo and the jobs' progress. */
export function followDocument(): void {
  effect(() => {
    const parts = [wholeShare.value === null ? "" : formatPercent(wholeShare.value), photo.value?.name, t("title")];
    document.title = parts.filter(Boolean).join(" · ");
  });
  addEventListener("pointerdown", ({ pointerType }) => (document.documentElement.dataset["input"] = pointerType), true);
  addEventListener("keydown", () => (document.documentElement.dataset["input"] = "keys"), true);
  effect(() => {
    document.documentElement.dataset["theme"] = isDark.value ? "dark" : "light";
  });
}
