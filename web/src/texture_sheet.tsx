// The sheet of a texture: a swatch, its settings, and the texture laid side by side to see whether it tiles.
import { useSignal } from "@preact/signals";
import { uploadUrl } from "./api";
import { FileDrop } from "./file_drop";
import { DiceIcon, PhotoIcon, SaveIcon } from "./icons";
import { hasEnded, jobs, steer } from "./queue";
import { photo } from "./state";
import { formatPercent, t } from "./texts";
import {
  changeTexture,
  LEAST_SIDE,
  makeTexture,
  MOST_SIDE,
  sendingSwatch,
  sendSwatch,
  swatch,
  texture,
  TEXTURE_DEFAULTS,
  textureFailure,
  textureJob,
  useSwatch,
} from "./texture";
import { resultUrl } from "./tray";
import { Choice, IconButton, NumberField, Select, Slider } from "./widgets";
import { TextureIcon } from "./work_icons";
import "./texture.css";

const SIDES = [256, 512, 1024, 2048, 4096];
const MOST_SEED = 9999;

export function TextureSheet() {
  if (!swatch.value) return <ChooseSwatch />;
  return (
    <div class="sheet-columns">
      <Preview />
      <Settings />
    </div>
  );
}

function ChooseSwatch() {
  const facts = photo.value?.facts;
  return (
    <div class="swatch-choice">
      <FileDrop label={t("texture.choose")} onFiles={(files) => files[0] && void sendSwatch(files[0])}>
        <TextureIcon size={44} />
        <strong>{t(sendingSwatch.value ? "phase.sending" : "texture.drop")}</strong>
        <span>{t("texture.drop.hint")}</span>
      </FileDrop>
      {facts && (
        <button type="button" class="button" onClick={() => useSwatch(facts)}>
          <PhotoIcon size={18} /> {t("texture.photo", { name: facts.name })}
        </button>
      )}
      {textureFailure.value && (
        <p class="sheet-error" role="alert">
          {textureFailure.value}
        </p>
      )}
    </div>
  );
}

/** What is made, as it comes; once it is there, one tile, or two by two. */
function Preview() {
  const tiles = useSignal<"one" | "four">("four");
  const job = jobs.value.get(textureJob.value ?? "");
  const made = job?.status === "done";
  const url = made
    ? `${resultUrl(job)}?inline=true`
    : (job?.preview ?? (swatch.value ? uploadUrl(swatch.value.id, 512) : ""));
  const { width, height } =
    made || job
      ? ((job?.request ?? texture.value) as { width: number; height: number })
      : (swatch.value ?? texture.value);
  const share = made && tiles.value === "four" ? 0.5 : 1;
  return (
    <div class="texture-preview">
      <div
        class="texture-picture"
        role="img"
        aria-label={t(made ? "texture.made" : "texture.swatch")}
        style={{
          aspectRatio: `${width} / ${height}`,
          backgroundImage: `url(${url})`,
          backgroundSize: `${100 * share}% ${100 * share}%`,
          "--ratio": width / height,
        }}
      />
      {job && !hasEnded(job) && (
        <div
          class="bar"
          role="progressbar"
          aria-label={t("texture")}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(100 * (job.progress.share ?? 0))}
          style={{ "--share": `${100 * (job.progress.share ?? 0)}%` }}
        />
      )}
      {made && (
        <div class="texture-actions">
          <Choice
            label={t("texture.tiles")}
            value={tiles.value}
            onChange={(next) => next && (tiles.value = next)}
            choices={[
              { value: "one", label: t("texture.one") },
              { value: "four", label: t("texture.four") },
            ]}
          />
          <a class="button" href={resultUrl(job)} download>
            <SaveIcon /> {t("texture.download")}
          </a>
        </div>
      )}
      {job?.status === "failed" && (
        <p class="sheet-error" role="alert">
          {job.message}
        </p>
      )}
    </div>
  );
}

function Settings() {
  const { width, height, tileable, block, style_scale: scale, seed } = texture.value;
  const job = jobs.value.get(textureJob.value ?? "");
  const runs = job !== undefined && !hasEnded(job);
  const square = SIDES.includes(width) && width === height;
  return (
    <div class="sheet-side">
      <div class="swatch-line">
        <img src={uploadUrl(swatch.value?.id ?? "", 112)} alt="" />
        <span title={swatch.value?.name}>{swatch.value?.name}</span>
        <button type="button" class="button" onClick={() => useSwatch(null)}>
          {t("texture.other")}
        </button>
      </div>
      <Select
        label={t("texture.size")}
        value={square ? String(width) : ""}
        onChange={(side) => side && changeTexture({ width: Number(side), height: Number(side) })}
        choices={[
          ...SIDES.map((side) => ({ value: String(side), label: `${side} × ${side}` })),
          { value: "", label: t("texture.free") },
        ]}
      />
      <div class="two-numbers">
        <NumberField
          label={t("texture.width")}
          value={width}
          low={LEAST_SIDE}
          high={MOST_SIDE}
          step={1}
          onInput={(value) => changeTexture({ width: value })}
          onReset={() => changeTexture({ width: TEXTURE_DEFAULTS.width })}
        />
        <NumberField
          label={t("texture.height")}
          value={height}
          low={LEAST_SIDE}
          high={MOST_SIDE}
          step={1}
          onInput={(value) => changeTexture({ height: value })}
          onReset={() => changeTexture({ height: TEXTURE_DEFAULTS.height })}
        />
      </div>
      <Choice
        label={t("texture.edges")}
        value={tileable ? "yes" : "no"}
        onChange={(value) => changeTexture({ tileable: value === "yes" })}
        choices={[
          { value: "yes", label: t("texture.tileable") },
          { value: "no", label: t("texture.plain") },
        ]}
      />
      <Slider
        label={t("texture.scale")}
        value={Math.log2(scale)}
        low={-2}
        high={2}
        step={0.1}
        shown={formatPercent(scale)}
        hint={t("texture.scale.hint")}
        onInput={(value) => changeTexture({ style_scale: Number((2 ** value).toFixed(3)) })}
        onReset={() => changeTexture({ style_scale: 1 })}
      />
      <Slider
        label={t("texture.block")}
        value={block}
        low={0}
        high={128}
        step={4}
        shown={block === 0 ? t("texture.block.auto") : t("size.pixels", { size: block })}
        hint={t("texture.block.hint")}
        onInput={(value) => changeTexture({ block: value })}
        onReset={() => changeTexture({ block: 0 })}
      />
      <NumberField
        label={t("seed")}
        value={seed}
        low={0}
        high={null}
        step={1}
        onInput={(value) => changeTexture({ seed: value })}
        onReset={() => changeTexture({ seed: 0 })}
        after={
          <IconButton
            icon={DiceIcon}
            label={t("seed.other")}
            onClick={() => changeTexture({ seed: Math.floor(Math.random() * MOST_SEED) })}
          />
        }
      />
      {textureFailure.value && (
        <p class="sheet-error" role="alert">
          {textureFailure.value}
        </p>
      )}
      {runs ? (
        <button type="button" class="button" onClick={() => void steer(job, "cancel")}>
          {t("cancel")}
        </button>
      ) : (
        <button type="button" class="button primary" onClick={() => void makeTexture()}>
          {t("texture.make")}
        </button>
      )}
    </div>
  );
}
