// The tools for masks: brush, eraser, select by click, and what they are set to.
import type { ComponentChildren } from "preact";
import { BrushIcon, EraserIcon, EyeIcon, EyeOffIcon, WandIcon } from "./icons";
import { BRUSH, brushSize, MOST_TOLERANCE, overlay, softness, tolerance, tool } from "./mask_tools";
import { formatPercent, t } from "./texts";
import { IconButton, Slider } from "./widgets";
import "./mask_toolbox.css";

const TOOLS = [
  { value: "brush", icon: BrushIcon },
  { value: "eraser", icon: EraserIcon },
  { value: "select", icon: WandIcon },
] as const;

export function MaskTools() {
  return (
    <div class="tools-row">
      <div class="tools" role="radiogroup" aria-label={t("masks.tool")}>
        {TOOLS.map(({ value, icon: Shape }) => (
          <label key={value} class="tool" title={t(`masks.${value}.hint`)}>
            <input type="radio" name="mask-tool" checked={tool.value === value} onChange={() => (tool.value = value)} />
            <span>
              <Shape size={18} />
              {t(`masks.${value}`)}
            </span>
          </label>
        ))}
      </div>
      <IconButton
        icon={overlay.value ? EyeIcon : EyeOffIcon}
        label={t("masks.overlay")}
        hint={t("masks.overlay.hint")}
        pressed={overlay.value}
        onClick={() => (overlay.value = !overlay.value)}
      />
    </div>
  );
}

/** What the tool is set to, and in `children` what is done with the whole mask. */
export function MaskSettings({ children }: { children: ComponentChildren }) {
  return (
    <>
      {tool.value === "select" ? (
        <Slider
          label={t("masks.tolerance")}
          value={tolerance.value}
          low={2}
          high={MOST_TOLERANCE}
          step={1}
          shown={String(Math.round(tolerance.value))}
          hint={t("masks.tolerance.hint")}
          onInput={(value) => (tolerance.value = value)}
          onReset={() => (tolerance.value = 18)}
        />
      ) : (
        <>
          <Slider
            label={t("masks.size")}
            value={Math.log(brushSize.value)}
            low={Math.log(BRUSH.least)}
            high={Math.log(BRUSH.most)}
            step={0.05}
            shown={formatPercent(brushSize.value)}
            onInput={(value) => (brushSize.value = Math.exp(value))}
            onReset={() => (brushSize.value = 0.1)}
          />
          <Slider
            label={t("masks.softness")}
            value={softness.value}
            low={0}
            high={1}
            step={0.05}
            shown={formatPercent(softness.value)}
            onInput={(value) => (softness.value = value)}
            onReset={() => (softness.value = 0.5)}
          />
        </>
      )}
      <div class="tool-row">{children}</div>
    </>
  );
}
