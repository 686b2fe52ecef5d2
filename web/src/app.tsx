import { effect } from "@preact/signals";
import { togglePanel } from "./actions";
import { Controls } from "./controls";
import { DropZones } from "./dropping";
import { film } from "./film";
import { Help } from "./help";
import { Notices } from "./notices";
import { PANELS } from "./panels";
import { SheetTabs } from "./sheet_tabs";
import { Stage } from "./stage";
import { panel, photo, theme } from "./state";
import { Strip } from "./strip";
import { t } from "./texts";
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
      {open && (
        <Dialog title={t(open.title)} wide onClose={() => togglePanel(open.id)}>
          <open.component />
        </Dialog>
      )}
      <Notices />
      <Help />
      <DropZones />
    </div>
  );
}

/** Keep the chosen theme on the root element, where theme.css looks for it, and the photo's name in the title. */
export function followDocument(): void {
  effect(() => {
    document.title = photo.value ? `${photo.value.name} · ${t("title")}` : t("title");
  });
  effect(() => {
    if (theme.value === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme.value;
  });
}
