// Faces: outlines of those that are found, how much they are protected, and a brush to correct what is.
import type { FaceFacts } from "../../src/brushwork/studio/v1/client.js";
import { useEffect, useRef } from "preact/hooks";
import { change, reset } from "./actions";
import { glimpseOf } from "./develop";
import { clearFaces, correcting, faceEditor, faces, forgetCorrection } from "./faces";
import { BrushIcon, CheckIcon, CompareIcon, ResetIcon } from "./icons";
import { MaskLayer } from "./mask_layer";
import { MaskSettings, MaskTools } from "./mask_toolbox";
import { glimpse, photo, recipe } from "./state";
import { formatPercent, t } from "./texts";
import { Slider } from "./widgets";
import "./faces_panel.css";

export function FacesPanel() {
  const { protectFaces, faceMask } = recipe.value;
  return (
    <>
      <p class="panel-words" role="status">
        {found()}
      </p>
      <Slider
        label={t("faces.protect")}
        value={protectFaces}
        low={0}
        high={1}
        step={0.05}
        shown={formatPercent(protectFaces)}
        hint={t("faces.protect.hint")}
        onInput={(value) => change({ protectFaces: value }, "protectFaces")}
        onReset={() => reset("protectFaces")}
      />
      {protectFaces > 0 && <WithoutProtection />}
      <div class="tool-row">
        <button
          type="button"
          class="button"
          aria-pressed={correcting.value}
          onClick={() => (correcting.value = !correcting.value)}
        >
          {correcting.value ? <CheckIcon size={18} /> : <BrushIcon size={18} />}
          {t(correcting.value ? "faces.correct.done" : "faces.correct")}
        </button>
        {faceMask && (
          <button type="button" class="button" onClick={forgetCorrection}>
            <ResetIcon size={16} />
            {t("faces.forget")}
          </button>
        )}
      </div>
      {correcting.value && <Correction />}
    </>
  );
}

/** Shows the picture without protection while it is held. */
function WithoutProtection() {
  const held = useRef(false);
  const hold = async (): Promise<void> => {
    held.current = true;
    const url = await glimpseOf({ ...recipe.value, protectFaces: 0 }).catch(() => null); // replaced by a newer draft
    if (held.current && url) glimpse.value = url;
  };
  const release = (): void => {
    if (!held.current) return;
    held.current = false;
    glimpse.value = null;
  };
  useEffect(() => release, []);
  const isPressing = (event: KeyboardEvent): boolean => event.key === " " || event.key === "Enter";
  return (
    <button
      type="button"
      class="button hold"
      onPointerDown={() => void hold()}
      onPointerUp={release}
      onPointerLeave={release}
      onPointerCancel={release}
      onBlur={release}
      onKeyDown={(event) => isPressing(event) && !event.repeat && void hold()}
      onKeyUp={(event) => isPressing(event) && release()}
    >
      <CompareIcon size={16} />
      {t("faces.compare")}
    </button>
  );
}

function Correction() {
  const words = useRef<HTMLParagraphElement>(null);
  useEffect(() => words.current?.scrollIntoView({ block: "start" }), []);
  return (
    <>
      <p class="panel-words" ref={words}>
        {t("faces.correct.how")}
      </p>
      <MaskTools />
      <MaskSettings>
        <button type="button" class="button" onClick={clearFaces}>
          {t("masks.clear")}
        </button>
      </MaskSettings>
    </>
  );
}

function found(): string {
  if (recipe.value.faceMask) return t("faces.corrected");
  const count = faces.value?.length;
  if (count === undefined) return t("faces.looking");
  return count === 0 ? t("faces.none") : count === 1 ? t("faces.one") : t("faces.some", { count });
}

export function FacesLayer() {
  if (correcting.value) return <MaskLayer editor={faceEditor} label={t("faces.layer")} />;
  const size = photo.value;
  if (!size || recipe.value.faceMask || !faces.value) return null;
  return (
    <svg
      class="face-outlines"
      viewBox={`0 0 ${size.width} ${size.height}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {faces.value.map((face, at) => (
        <Outline key={at} face={face} width={size.width} height={size.height} />
      ))}
    </svg>
  );
}

/** The ellipse to whose edge a face is protected, as in brushwork.api.faces. */
function Outline({ face, width, height }: { face: FaceFacts; width: number; height: number }) {
  const side = face.width * width;
  const [left, right] = face.eyes;
  const [x, y] = [face.center.x * width, face.center.y * height];
  const angle =
    left && right ? (Math.atan2((right.y - left.y) * height, (right.x - left.x) * width) * 180) / Math.PI : 0;
  const ellipse = {
    cx: x,
    cy: y - 0.1 * side,
    rx: 0.66 * side,
    ry: 0.86 * side,
    transform: `rotate(${angle} ${x} ${y})`,
  };
  return (
    <>
      <ellipse class="face-shade" {...ellipse} />
      <ellipse class="face-line" {...ellipse} />
    </>
  );
}
