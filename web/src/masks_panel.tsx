// Regions, each with a style of its own, and the tools that paint them.
import { activeRegion, MOST_PARTS, region, regionsOf } from "./choosing";
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
import type { StylePart } from "./state";
import { pictureOf, titleOf } from "./style_names";
import { formatPercent, t } from "./texts";
import { IconButton } from "./widgets";
import "./masks_panel.css";

export function MasksPanel() {
  const parts = regionsOf(recipe.value);
  const isFull = recipe.value.style.length >= MOST_PARTS;
  const ready = regionEditor.ready();
  return (
    <>
      <p class="panel-words">{t(regions.value.length > 0 ? "masks.how" : "masks.none")}</p>
      <MaskTools />
      <div class="regions" role="radiogroup" aria-label={t("masks.regions")}>
        {parts.map((styles, at) => (
          <Region key={at} at={at} parts={styles} alone={parts.length === 1} />
        ))}
      </div>
      <button
        type="button"
        class="button add-region"
        disabled={!ready || isFull}
        title={isFull ? t("masks.full") : undefined}
        onClick={addRegion}
      >
        <AddIcon size={16} />
        {t("masks.add")}
      </button>
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

function Region({ at, parts, alone }: { at: number; parts: readonly StylePart[]; alone: boolean }) {
  const pictures = parts.map((part) => pictureOf(part.style)).filter(Boolean);
  const share = (part: StylePart): string => (parts.length > 1 ? ` ${formatPercent(part.weight)}` : "");
  const name = parts.map((part) => titleOf(part.style) + share(part)).join(" + ");
  return (
    <div class="region">
      <label title={t("masks.region.hint")}>
        <input type="radio" name="region" checked={at === activeRegion()} onChange={() => (region.value = at)} />
        <span class="region-body">
          <span class="region-tint" style={{ background: `rgb(${TINTS[at]?.join(" ")})` }} />
          <span class="region-pictures">
            {pictures.map((picture) => (
              <img key={picture} src={picture} alt="" />
            ))}
          </span>
          <span class="region-name" title={name}>
            {name}
          </span>
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
