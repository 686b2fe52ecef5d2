// Settings behind "More": how colors are kept, chance, size, and all settings of the finish's method.
import { useSignal } from "@preact/signals";
import { change, reset } from "./actions";
import { AdvancedSettings } from "./advanced_settings";
import { ChevronIcon, DiceIcon } from "./icons";
import { photo, recipe } from "./state";
import { t } from "./texts";
import { Choice, IconButton, NumberField, Select } from "./widgets";

const SIZES = [1024, 1600, 2048, 3000, 4096, 6000, 8000]; // longer side in pixels
const MOST_SEED = 9999;

export function MoreControls() {
  const { colorWay, colorWhen, colors, finish, seed, size } = recipe.value;
  const facts = photo.value?.facts;
  const own = facts ? Math.max(facts.width, facts.height) : 0;
  const usual = colorWay === "luminance" ? "after" : "before";
  return (
    <>
      <Choice
        label={t("colors.way")}
        value={colors === "photo" ? colorWay : ""}
        onReset={() => reset("colorWay")}
        onChange={(value) => value && change({ colors: "photo", colorWay: value, colorWhen: "" })}
        choices={(["luminance", "cholesky", "histogram"] as const).map((value) => ({
          value,
          label: t(`colors.${value}`),
          hint: t(`colors.${value}.hint`),
        }))}
      />
      {colors === "photo" && (
        <Choice
          label={t("colors.when")}
          value={colorWhen || usual}
          onReset={() => reset("colorWhen")}
          onChange={(value) => change({ colorWhen: value === usual ? "" : value })}
          choices={(["before", "after"] as const).map((value) => ({
            value,
            label: t(`colors.${value}`),
            hint: t(`colors.${value}.hint`),
          }))}
        />
      )}
      <Select
        label={t("size")}
        value={String(size)}
        onReset={() => reset("size")}
        onChange={(value) => change({ size: Number(value) })}
        choices={[
          { value: "0", label: t("size.own", { size: own }) },
          ...SIZES.map((side) => ({ value: String(side), label: t("size.pixels", { size: side }) })),
        ]}
      />
      {finish !== "draft" && (
        <NumberField
          label={t("seed")}
          hint={t("seed.hint")}
          value={seed}
          low={0}
          high={null}
          step={1}
          onInput={(value) => change({ seed: value }, "seed")}
          onReset={() => reset("seed")}
          after={
            <IconButton
              icon={DiceIcon}
              label={t("seed.other")}
              onClick={() => change({ seed: Math.floor(Math.random() * MOST_SEED) })}
            />
          }
        />
      )}
      {finish !== "draft" && <Advanced />}
    </>
  );
}

function Advanced() {
  const open = useSignal(false);
  const count = Object.keys(recipe.value.advanced).length;
  return (
    <div class="inner-fold">
      <button type="button" class="fold-head" aria-expanded={open.value} onClick={() => (open.value = !open.value)}>
        <span>
          {t("advanced")}
          {count > 0 && ` (${count})`}
        </span>{" "}
        <ChevronIcon size={16} />
      </button>
      {open.value && (
        <div class="fold-body">
          <AdvancedSettings />
        </div>
      )}
    </div>
  );
}
