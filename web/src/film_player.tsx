// What is played in the place of the picture: two painted seconds, three times, or the finished film with its sound.
import { useEffect, useRef } from "preact/hooks";
import { playing, playTime } from "./film";
import { t } from "./texts";

const TIMES = 3; // that two seconds are played

export function FilmPlayer() {
  const video = useRef<HTMLVideoElement>(null);
  const played = useRef(0);
  const now = playing.value;
  useEffect(() => {
    const element = video.current;
    if (!element || !now) return;
    played.current = 0;
    let request = 0;
    const follow = (): void => {
      playTime.value = now.start + element.currentTime;
      request = requestAnimationFrame(follow);
    };
    const start = (): void => {
      cancelAnimationFrame(request);
      follow();
    };
    const stop = (): void => cancelAnimationFrame(request);
    element.addEventListener("playing", start);
    element.addEventListener("pause", stop);
    return stop;
  }, [now]);
  if (!now) return null;
  const toggle = (): void => {
    const element = video.current;
    if (element?.paused) void element.play();
    else element?.pause();
  };
  return (
    <video
      key={now.url}
      class="picture film-video"
      ref={video}
      src={now.url}
      autoplay
      playsInline
      muted={now.kind === "clip"}
      aria-label={t(now.kind === "clip" ? "film.clip.playing" : "film.playing")}
      tabIndex={0}
      onClick={toggle}
      onKeyDown={(event) => {
        if (event.key !== " " && event.key !== "Enter") return;
        event.preventDefault();
        event.stopPropagation();
        toggle();
      }}
      onEnded={() => {
        played.current += 1;
        if (now.kind === "clip" && played.current < TIMES) void video.current?.play();
        else playing.value = null;
      }}
    />
  );
}
