// Settings behind "More".
import { change, reset } from "./actions";
import { recipe } from "./state";
import { t } from "./texts";
import { Choice } from "./widgets";

export function MoreControls() {
  const { colorWay } = recipe.value;
  return (
    <Choice
      label={t("colors.way")} value={colorWay} onReset={() => reset("colorWay")}
      onChange={(value) => change({ colors: "photo", colorWay: value })}
      choices={(["luminance", "cholesky", "histogram"] as const).map((value) => ({ value, label: t(`colors.${value}`), hint: t(`colors.${value}.hint`) }))}
    />
  );
}
