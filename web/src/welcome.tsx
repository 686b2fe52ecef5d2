// Before there is a photo: drop one, choose one, or try a sample.
import { aiming } from "./camera";
import { openSample } from "./opening";
import { CameraIcon, PhotoIcon } from "./icons";
import { t } from "./texts";
import "./welcome.css";

const SAMPLES = ["chelsea", "coffee", "astronaut"] as const;

export function Welcome() {
  return (
    <div class="welcome">
      <h1>{t("welcome.title")}</h1>
      <p class="by-mouse">{t("welcome.drop")}</p>
      <p class="by-touch">{t("welcome.touch")}</p>
      <div class="welcome-ways">
        <button
          type="button"
          class="button primary large"
          onClick={() => document.getElementById("open-photo")?.click()}
        >
          <PhotoIcon /> {t("welcome.choose")}
        </button>
        <button type="button" class="button large" onClick={() => (aiming.value = true)}>
          <CameraIcon /> {t("camera.open")}
        </button>
      </div>
      <div class="samples">
        <p id="samples">{t("welcome.samples")}</p>
        <div class="sample-list" role="group" aria-labelledby="samples">
          {SAMPLES.map((name) => (
            <button
              key={name}
              type="button"
              class="sample"
              aria-label={t(`sample.${name}`)}
              title={t(`sample.${name}`)}
              onClick={() => void openSample(name)}
            >
              <img src={`samples/${name}.png`} alt="" />
            </button>
          ))}
        </div>
      </div>
    </div>
  );
}
