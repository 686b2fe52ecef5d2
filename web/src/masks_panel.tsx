// Regions, each with a style of its own, and the tools that paint them.
import { activeRegion, MOST_PARTS, region } from "./choosing";
import { AddIcon, FillIcon, InvertIcon, TrashIcon } from "./icons";
import { MaskLayer } from "./mask_layer";
import { MaskSettings, MaskTools } from "./mask_toolbox";
import {
  addRegion,
  clearRegion,
  fillRegion,
  invertRegion,
  regionEditor,
  regions,
  removeRegion,
  TINTS,
} from "./regions";
import { recipe } from "./state";
import { pictureOf, titleOf } from "./style_names";
import { t } from "./texts";
import { IconButton } from "./widgets";
import "./masks_panel.css";

export function MasksPanel() {
  const parts = recipe.value.style;
  const ready = regionEditor.ready();
  return (
    <>
      <p class="panel-words">{t(regions.value.length > 0 ? "masks.how" : "masks.none")}</p>
      <MaskTools />
      <div class="regions" role="radiogroup" aria-label={t("masks.regions")}>
        {parts.map((part, at) => (
          <Region key={at} at={at} style={part.style} alone={parts.length === 1} />
        ))}
      </div>
      {parts.length < MOST_PARTS && (
        <button type="button" class="button add-region" disabled={!ready} onClick={addRegion}>
          <AddIcon size={16} />
          {t("masks.add")}
        </button>
      )}
      <MaskSettings>
        <button type="button" class="button" title={t("masks.fill.hint")} disabled={!ready} onClick={fillRegion}>
          <FillIcon size={16} />
          {t("masks.fill")}
        </button>
        <button type="button" class="button" title={t("masks.invert.hint")} disabled={!ready} onClick={invertRegion}>
          <InvertIcon size={16} />
          {t("masks.invert")}
        </button>
        <button type="button" class="button" title={t("masks.clear.hint")} disabled={!ready} onClick={clearRegion}>
          <TrashIcon size={16} />
          {t("masks.clear")}
        </button>
      </MaskSettings>
    </>
  );
}

function Region({ at, style, alone }: { at: number; style: string; alone: boolean }) {
  const picture = pictureOf(style);
  const name = titleOf(style);
  return (
    <div class="region">
      <label title={t("masks.region.hint")}>
        <input type="radio" name="region" checked={at === activeRegion()} onChange={() => (region.value = at)} />
        <span class="region-body">
          <span class="region-tint" style={{ background: `rgb(${TINTS[at]?.join(" ")})` }} />
          {picture && <img src={picture} alt="" />}
          <span class="region-name">{name}</span>
        </span>
      </label>
      {!alone && (
        <IconButton
          icon={TrashIcon}
          size={16}
          label={t("masks.remove", { name })}
          disabled={!regionEditor.ready()}
          onClick={() => removeRegion(at)}
        />
      )}
    </div>
  );
}

export const MasksLayer = () => <MaskLayer editor={regionEditor} label={t("masks.layer")} />;
