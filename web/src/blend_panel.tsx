// Up to four styles in the corners of a pad, mixed by a handle between them.
import { change } from "./actions";
import { addToBlend, isFull, mixAt, mixRegions, placeOf, removeFromBlend } from "./blending";
import { corner, inCorner, isMasked, MOST_PARTS } from "./choosing";
import { AddIcon, CloseIcon } from "./icons";
import { recipe } from "./state";
import type { StylePart } from "./state";
import { pictureOf, titleOf } from "./style_names";
import { formatPercent, t } from "./texts";
import { IconButton } from "./widgets";
import "./blend_panel.css";

const CORNERS = ["top-left", "top-right", "bottom-left", "bottom-right"] as const;
export const STYLE_DRAG = "text/x-brushwork-style"; // what the strip's thumbnails carry while they are dragged

export function BlendPanel() {
  if (isMasked(recipe.value)) return <Masked />;
  const parts = recipe.value.style;
  return (
    <>
      <p class="panel-words">{t(parts.length < 2 ? "blend.how" : isFull() ? "blend.full" : "blend.more")}</p>
      <Pad parts={parts} />
      <ul class="blend-shares" aria-label={t("blend.shares")}>
        {parts.map((part, at) => (
          <li key={at}>
            <span class="blend-name">{titleOf(part.style)}</span>
            <span class="field-value">{formatPercent(parts.length === 1 ? 1 : part.weight)}</span>
            {parts.length > 1 && (
              <IconButton
                icon={CloseIcon}
                size={14}
                label={t("blend.remove", { name: titleOf(part.style) })}
                onClick={() => removeFromBlend(at)}
              />
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

function Masked() {
  return (
    <>
      <p class="panel-words">{t("blend.masked")}</p>
      <button type="button" class="button blend-unmask" onClick={mixRegions}>
        {t("blend.unmask")}
      </button>
    </>
  );
}

const sharesOf = (parts: readonly StylePart[]): string =>
  parts.map((part) => `${titleOf(part.style)} ${formatPercent(part.weight)}`).join(", ");

function Pad({ parts }: { parts: readonly StylePart[] }) {
  const taking = corner.value ?? (parts.length < MOST_PARTS ? parts.length : null);
  return (
    <div
      class="blend-pad"
      onDragOver={(event) => event.dataTransfer?.types.includes(STYLE_DRAG) && event.preventDefault()}
      onDrop={(event) => {
        const style = event.dataTransfer?.getData(STYLE_DRAG);
        if (style) addToBlend(style);
      }}
    >
      {CORNERS.map((name, at) => (
        <Corner key={name} place={name} at={at} part={parts[at]} taking={taking === at} free={parts.length} />
      ))}
      <Mix parts={parts} />
    </div>
  );
}

interface CornerProps {
  place: (typeof CORNERS)[number];
  at: number;
  part: StylePart | undefined;
  taking: boolean; // whether the next style goes here
  free: number; // the first free corner; those after it can't be filled yet
}

function Corner({ place, at, part, taking, free }: CornerProps) {
  const picture = part && pictureOf(part.style);
  const label = part ? t("blend.corner", { name: titleOf(part.style) }) : t("blend.free");
  return (
    <button
      type="button"
      class={`blend-corner ${place}`}
      aria-pressed={taking}
      aria-label={label}
      title={label}
      disabled={at > free}
      onClick={() => (corner.value = corner.value === at ? null : at)}
      onDrop={(event) => {
        const style = event.dataTransfer?.getData(STYLE_DRAG);
        if (!style) return;
        event.preventDefault();
        event.stopPropagation();
        change({ style: inCorner(recipe.value.style, style, at) });
      }}
    >
      {picture ? <img src={picture} alt="" draggable={false} /> : <AddIcon size={18} />}
    </button>
  );
}

/** The field between the corners, with the handle. */
function Mix({ parts }: { parts: readonly StylePart[] }) {
  const { x, y } = placeOf(parts);
  const alone = parts.length < 2;
  const drag = (event: PointerEvent): void => {
    const field = event.currentTarget as HTMLElement;
    if (alone || !field.hasPointerCapture(event.pointerId)) return;
    const box = field.getBoundingClientRect();
    mixAt({ x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height });
  };
  const keys = (event: KeyboardEvent): void => {
    const by = event.shiftKey ? 0.2 : 0.05;
    const [dx, dy] = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[event.key] ?? [
      0, 0,
    ];
    if (alone || !(dx || dy)) return;
    event.preventDefault();
    event.stopPropagation();
    mixAt({ x: x + (dx ?? 0), y: y + (dy ?? 0) });
  };
  return (
    <div
      class={`blend-field ${parts.length === 2 ? "sideways" : ""}`}
      onPointerMove={drag}
      onDblClick={() => mixAt({ x: 0.5, y: 0.5 })}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        drag(event);
      }}
    >
      <div
        class="blend-handle"
        role="slider"
        tabIndex={alone ? -1 : 0}
        aria-label={t("blend.mix")}
        aria-disabled={alone}
        onKeyDown={keys}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(100 * x)}
        aria-valuetext={sharesOf(parts)}
        style={{ left: `${100 * x}%`, top: `${100 * y}%` }}
      />
    </div>
  );
}
