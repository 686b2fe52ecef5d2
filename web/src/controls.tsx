// The card at the right: what matters in sight, the rest behind More, and the panels.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { change, reset, resetAll, toggleControls, togglePanel } from "./actions";
import { FilmControls, StyleChanges } from "./film_controls";
import { MoreControls } from "./more_controls";
import { ChevronIcon, ResetIcon, SlidersIcon } from "./icons";
import { panelsOf } from "./panels";
import type { Panel } from "./panels";
import { controlsOpen, panel, recipe, sheet } from "./state";
import { formatPercent, t } from "./texts";
import { Choice, IconButton, Slider } from "./widgets";
import "./controls.css";

export function Controls() {
  const open = controlsOpen.value;
  return (
    <aside
      class={`controls card ${open ? "" : "closed"} ${sheet.value === "controls" ? "front" : ""}`}
      aria-label={t("controls")}
    >
      <header class="card-head desk">
        <h2>{t("controls")}</h2>
        {open && <IconButton icon={ResetIcon} label={t("controls.reset")} size={18} onClick={resetAll} />}
        <IconButton
          icon={open ? ChevronIcon : SlidersIcon}
          label={t(open ? "controls.close" : "controls.open")}
          keys="T"
          pressed={open}
          onClick={toggleControls}
        />
      </header>
      <div class="controls-body">
        <StyleChanges />
        <MainControls />
        <FilmControls />
        <More />
        {panelsOf("controls").map((one) => (
          <PanelSection key={one.id} panel={one} />
        ))}
      </div>
    </aside>
  );
}

export function MainControls() {
  const { strength, strokeSize, colors, detail, finish } = recipe.value;
  return (
    <>
      <Slider
        label={t("strength")}
        value={strength}
        low={0}
        high={1}
        step={0.01}
        shown={formatPercent(strength)}
        onInput={(value) => change({ strength: value }, "strength")}
        onReset={() => reset("strength")}
      />
      <Slider
        label={t("stroke")}
        value={Math.log2(strokeSize)}
        low={-2}
        high={2}
        step={0.05}
        shown={formatPercent(strokeSize)}
        hint={t("stroke.hint")}
        onInput={(value) => change({ strokeSize: Number((2 ** value).toFixed(3)) }, "strokeSize")}
        onReset={() => reset("strokeSize")}
      />
      <Slider
        label={t("detail")}
        value={detail}
        low={-1}
        high={1}
        step={0.05}
        shown={signed(detail)}
        disabled={finish === "draft"}
        hint={t(finish === "draft" ? "detail.draft" : "detail.hint")}
        onInput={(value) => change({ detail: value }, "detail")}
        onReset={() => reset("detail")}
      />
      <Choice
        label={t("colors")}
        value={colors}
        onReset={() => reset("colors")}
        onChange={(value) => change({ colors: value })}
        choices={[
          { value: "painting", label: t("colors.painting") },
          { value: "photo", label: t("colors.photo") },
        ]}
      />
      <Choice
        label={t("finish")}
        value={finish}
        onReset={() => reset("finish")}
        onChange={(value) => change({ finish: value, advanced: {} })}
        choices={(["draft", "good", "best"] as const).map((value) => ({
          value,
          label: t(`finish.${value}`),
          hint: t(`finish.${value}.hint`),
        }))}
      />
    </>
  );
}

const signed = (value: number): string => (value > 0 ? "+" : "") + Math.round(100 * value);

function More() {
  const open = useSignal(false);
  return (
    <section class="fold">
      <button type="button" class="fold-head" aria-expanded={open.value} onClick={() => (open.value = !open.value)}>
        <SlidersIcon size={18} /> <span>{t("more")}</span> <ChevronIcon size={16} />
      </button>
      {open.value && (
        <div class="fold-body">
          <MoreControls />
        </div>
      )}
    </section>
  );
}

function PanelSection({ panel: one }: { panel: Panel }) {
  const open = panel.value === one.id;
  const { icon: Shape, component: Content } = one;
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    if (open) section.current?.scrollIntoView({ block: "start" });
  }, [open]);
  return (
    <section class="fold" ref={section}>
      <button type="button" class="fold-head" aria-expanded={open} onClick={() => togglePanel(one.id)}>
        <Shape size={18} /> <span>{t(one.title)}</span> <ChevronIcon size={16} />
      </button>
      {open && (
        <div class="fold-body">
          <Content />
        </div>
      )}
    </section>
  );
}
