// All settings of the finish's method, as the studio lists them; the texts have a painter's words for those that have any.
import type { MethodOption } from "../../src/brushwork/studio/v1/client.js";
import { change } from "./actions";
import { methods, presets, recipe } from "./state";
import type { Value } from "./state";
import { formatNumber, hasText, t } from "./texts";
import type { TextKey } from "./texts";
import { NumberField, Select, Slider } from "./widgets";

// Those that have a place of their own on the page, and names of files and networks.
const ELSEWHERE = new Set(["strength", "style_scale", "content_weight", "seed", "network", "model", "precision"]);

export function AdvancedSettings() {
  const preset = presets.value[recipe.value.finish];
  const options = methods.value[preset?.method ?? ""] ?? [];
  const shown = options.filter((option) => !ELSEWHERE.has(option.name) && !Array.isArray(option.default));
  return (
    <>
      {shown.map((option) => (
        <Setting key={option.name} option={option} usual={preset?.settings[option.name] ?? option.default} />
      ))}
    </>
  );
}

function Setting({ option, usual }: { option: MethodOption; usual: unknown }) {
  const { name, low, high, choices } = option;
  const value = recipe.value.advanced[name] ?? usual;
  const label = wordsFor(`setting.${name}`, name.replace(/_/g, " "));
  const set = (next: Value): void => {
    const { [name]: _, ...others } = recipe.value.advanced;
    change({ advanced: next === usual ? others : { ...others, [name]: next } }, `setting.${name}`);
  };
  const onReset = (): void => {
    if (name in recipe.value.advanced) set(usual as Value);
  };
  if (choices.length > 0) {
    const listed = choices.map((choice) => ({
      value: String(choice),
      label: wordsFor(`setting.${name}.${choice}`, String(choice)),
    }));
    return (
      <Select
        label={label}
        hint={option.help}
        value={String(value)}
        choices={listed}
        onChange={(next) => set(choices.find((choice) => String(choice) === next) ?? next)}
        onReset={onReset}
      />
    );
  }
  if (typeof value !== "number") return null;
  const field = { label, hint: option.help, value, onInput: set, onReset };
  if (low !== null && high !== null && high - low <= 1) {
    return (
      <Slider {...field} low={low} high={high} step={0.001} shown={formatNumber(value)} />
    );
  }
  return (
    <NumberField {...field} low={low} high={high} step={Number.isInteger(usual) && Number(usual) > 20 ? 1 : "any"} />
  );
}

const wordsFor = (key: string, fallback: string): string => (hasText(key) ? t(key as TextKey) : fallback);
