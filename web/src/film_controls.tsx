// What concerns a film only, in the card at the right: how it is made, its keyframes and its painted frames.
import { change, reset } from "./actions";
import { film, frameUrl, playhead, secondsOf, seek, timeText } from "./film";
import { keyframeFor, openPaintedFrame, removeKeyframe, removePainted, selectKeyframe, styleTitle } from "./film_look";
import { filmSize } from "./film_making";
import { AddIcon, CloseIcon, KeyframeIcon, SaveIcon } from "./icons";
import { recipe } from "./state";
import { formatPercent, t } from "./texts";
import { uploadUrl } from "./api";
import { IconButton, Select, Slider } from "./widgets";
import "./film_controls.css";

const SIZES = [480, 640, 854, 1024, 1280, 1920, 2560]; // longer side in pixels

export function FilmControls() {
  const own = film.value;
  if (!own) return null;
  const { steadiness, finish, paintedFrames } = recipe.value;
  const side = Math.max(own.width, own.height);
  const chosen = filmSize(recipe.value); // one of an opened film may be any
  const sizes = [...new Set([...SIZES, chosen])].filter((size) => size < side).sort((a, b) => a - b);
  const carried = paintedFrames.length > 0;
  return (
    <div class="film-controls" role="group" aria-label={t("film.controls")}>
      <Slider
        label={t("film.steadiness")}
        value={steadiness}
        low={0}
        high={0.99}
        step={0.01}
        shown={formatPercent(steadiness / 0.99)}
        disabled={finish !== "draft" || carried}
        hint={t(
          carried ? "film.steadiness.carried" : finish === "draft" ? "film.steadiness.hint" : "film.steadiness.good",
        )}
        onInput={(value) => change({ steadiness: value }, "steadiness")}
        onReset={() => reset("steadiness")}
      />
      <Select
        label={t("film.size")}
        value={String(chosen)}
        onReset={() => reset("filmSize")}
        onChange={(value) => change({ filmSize: Number(value) })}
        choices={[
          ...sizes.map((size) => ({ value: String(size), label: t("size.pixels", { size }) })),
          { value: String(side), label: t("film.size.own", { size: side }) },
        ]}
      />
      <PaintedFrames />
    </div>
  );
}

/** The list of style changes, with the one that the controls below it change. */
export function StyleChanges() {
  if (!film.value) return null;
  const keys = recipe.value.keyframes;
  const chosen = keyframeFor(keys, playhead.value);
  const hint = keys.length === 0 ? "none" : keys.length === 1 ? "one" : "some";
  return (
    <div class="film-list">
      <h3>{t("film.keyframes")}</h3>
      <p class="quiet">{t(`film.keyframes.${hint}`)}</p>
      <ul>
        {keys.map((key, number) => (
          <li key={`${key.seconds} ${number}`} class="film-row">
            <button
              type="button"
              class="film-go"
              aria-pressed={number === chosen}
              onClick={() => selectKeyframe(number)}
            >
              <KeyframeIcon size={18} />
              <span class="film-look">
                {styleTitle(key.style)}
                <span class="film-time">
                  {timeText(key.seconds)} · {formatPercent(key.strength)}
                  {key.sharp && ` · ${t("film.keyframe.sharp")}`}
                </span>
              </span>
            </button>
            <IconButton
              icon={CloseIcon}
              label={t("film.keyframe.remove", { time: timeText(key.seconds) })}
              size={16}
              onClick={() => removeKeyframe(number)}
            />
          </li>
        ))}
      </ul>
    </div>
  );
}

function PaintedFrames() {
  const own = film.value;
  if (!own) return null;
  return (
    <div class="film-list">
      <h3>{t("film.painted")}</h3>
      <p class="quiet">{t(recipe.value.paintedFrames.length ? "film.painted.some" : "film.painted.none")}</p>
      <ul class="film-cards">
        {recipe.value.paintedFrames.map(({ frame, picture }) => (
          <li key={frame} class="film-card">
            <button
              type="button"
              class="film-card-picture"
              aria-label={t("film.painted.at", { time: timeText(secondsOf(frame)) })}
              aria-pressed={frame === playhead.value}
              onClick={() => seek(frame)}
            >
              <img src={picture ? uploadUrl(picture, 320) : frameUrl(own.id, frame, 320)} alt="" draggable={false} />
              <span class="film-card-kind">{t(picture ? "film.painted.mine" : "film.painted.studio")}</span>
            </button>
            <span class="film-time">{timeText(secondsOf(frame))}</span>
            <IconButton
              icon={CloseIcon}
              label={t("film.painted.remove", { time: timeText(secondsOf(frame)) })}
              size={14}
              onClick={() => removePainted(frame)}
            />
          </li>
        ))}
      </ul>
      <div class="film-buttons">
        <a
          class="chip"
          href={frameUrl(own.id, playhead.value, 0)}
          download={`frame-${playhead.value}.jpg`}
          title={t("film.painted.export.hint")}
        >
          <SaveIcon size={16} /> {t("film.painted.export")}
        </a>
        <label class="chip" for="open-painted-frame">
          <AddIcon size={16} /> {t("film.painted.open")}
        </label>
        <input
          id="open-painted-frame"
          class="hidden"
          type="file"
          accept="image/*"
          aria-label={t("film.painted.open")}
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            event.currentTarget.value = "";
            if (file) void openPaintedFrame(file);
          }}
        />
      </div>
    </div>
  );
}
