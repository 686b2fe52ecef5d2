// A photo from the camera: seen as in a mirror, taken as it is.
import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { wordsOf } from "./api";
import { CameraIcon } from "./icons";
import { openPhoto } from "./opening";
import { t } from "./texts";
import { Dialog } from "./widgets";
import "./camera.css";

/** Whether the camera is open. */
export const aiming = signal(false);

type Side = "user" | "environment"; // of a phone: towards the user, or away

const close = (): void => void (aiming.value = false);

export function Camera() {
  if (!aiming.value) return null;
  return (
    <Dialog title={t("camera")} wide onClose={close}>
      <Finder />
    </Dialog>
  );
}

function Finder() {
  const video = useRef<HTMLVideoElement>(null);
  const [side, ready, several] = [useSignal<Side>("user"), useSignal(false), useSignal(false)];
  const problem = useSignal("");
  useEffect(() => {
    let stream: MediaStream | null = null;
    let left = false;
    const stop = (): void => stream?.getTracks().forEach((track) => track.stop());
    ready.value = false;
    problem.value = "";
    streamOf(side.value).then(
      async (found) => {
        stream = found;
        if (left || !video.current) return stop();
        video.current.srcObject = found;
        const devices = await navigator.mediaDevices.enumerateDevices();
        several.value = devices.filter(({ kind }) => kind === "videoinput").length > 1;
      },
      (error: unknown) => (problem.value = whyNot(error)),
    );
    return () => {
      left = true;
      stop();
    };
  }, [side.value]);
  if (problem.value) return <p role="alert">{problem.value}</p>;
  return (
    <div class="camera">
      <video
        ref={video}
        class={side.value === "user" ? "mirrored" : ""}
        autoPlay
        muted
        playsInline
        onPlaying={() => (ready.value = true)}
      />
      <div class="camera-buttons">
        <button
          type="button"
          class="button primary large"
          disabled={!ready.value}
          onClick={() => void take(video.current).catch((error: unknown) => (problem.value = wordsOf(error)))}
        >
          <CameraIcon /> {t("camera.take")}
        </button>
        {several.value && (
          <button
            type="button"
            class="button large"
            onClick={() => (side.value = side.value === "user" ? "environment" : "user")}
          >
            {t("camera.turn")}
          </button>
        )}
      </div>
    </div>
  );
}

function streamOf(side: Side): Promise<MediaStream> {
  // Typed as if it were always there; but not on a page that isn't secure.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (!devices) return Promise.reject(new DOMException("", "SecurityError"));
  const video = { facingMode: { ideal: side }, width: { ideal: 4096 }, height: { ideal: 2160 } };
  return devices.getUserMedia({ video, audio: false });
}

function whyNot(error: unknown): string {
  switch (error instanceof DOMException ? error.name : "") {
    case "NotFoundError":
    case "OverconstrainedError":
      return t("camera.none");
    case "NotAllowedError":
      return t("camera.refused");
    case "NotReadableError":
    case "AbortError":
      return t("camera.busy");
    case "SecurityError":
      return t("camera.insecure");
    default:
      return wordsOf(error);
  }
}

/** Open what the camera sees as the photo. */
async function take(video: HTMLVideoElement | null): Promise<void> {
  if (!video) return;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  const picture = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (!picture) throw new Error(t("camera.busy"));
  close();
  await openPhoto(new File([picture], `${t("camera").toLowerCase()}.png`, { type: "image/png" }));
}
