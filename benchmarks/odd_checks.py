"""Checks of results by readers that are not ours: Pillow, ffprobe and ffmpeg."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from film_samples import OddFilm
from odd_pictures import DATE, OddPicture, pictures, turned
from PIL import Image
from supervised import Supervised

__all__ = ["check_film", "check_flat", "check_picture"]

Samples = npt.NDArray[Any]
Again = Callable[[list[str], str], Path]


def read_by_brushwork(path: str) -> npt.NDArray[np.uint8]:
    """Return (H, W, 3 or 4), as brushwork reads a picture; called in the watched process."""
    from brushwork.io import read_image

    picture = read_image(path)
    pixels = picture.pixels[0].permute(1, 2, 0).numpy()
    if picture.alpha is not None:
        pixels = np.dstack([pixels, picture.alpha[0, 0].numpy()])
    return np.rint(pixels * 255).clip(0, 255).astype(np.uint8)


def check_picture(odd: OddPicture, source: Path, output: Path, process: Supervised) -> str:
    """Return what is wrong with a painted picture; empty if nothing is."""
    assert odd.expected is not None
    height, width = odd.expected.shape[:2]
    with Image.open(output) as image:
        image.load()
        if image.size != (width, height):
            return f"is {image.size}, expected {(width, height)}"
        if (image.mode == "RGBA" and image.getextrema()[3] != (255, 255)) != (odd.expected.shape[2] == 4):
            return f"is {image.mode}"
        exif = image.getexif()
        if exif.get(274, 1) != 1 or (odd.dated and exif.get(306) != DATE):
            return f"has the EXIF {dict(exif)}"
        painted = np.asarray(image)
    if odd.expected.shape[2] == 4 and np.abs(painted[..., 3].astype(int) - odd.expected[..., 3]).mean() > 2:
        return "has another transparency"
    if min(width, height) >= 32 and np.ptp(odd.expected) > 99 and "damaged" not in odd.kind:
        found = orientation(on_gray(painted), on_gray(odd.expected))
        if found != 1:
            return f"is turned like EXIF orientation {found}"
    end, pixels = process.call(read_by_brushwork, str(source))
    if end == "returned" and pixels.shape[2] == 4 and pixels[..., 3].min() == 255:
        pixels = pixels[..., :3]
    if end != "returned" or pixels.shape != odd.expected.shape:
        return f"is read as {pixels if end != 'returned' else pixels.shape}"
    visible = pixels[..., -1:] > 0 if pixels.shape[2] == 4 else True
    away = (np.abs(pixels.astype(int) - odd.expected) * visible).mean()
    return "" if away <= odd.tolerance else f"is read with pixels {away:.1f} from the right ones in the mean"


def orientation(painted: Samples, expected: Samples) -> int:
    """Return the EXIF orientation of which a painted picture looks like the expected one turned; 1 is right."""
    goal = flat(expected)

    def likeness(number: int) -> float:
        return float(np.corrcoef(flat(shape(turned(painted, number), expected)), goal)[0, 1])

    return max(range(1, 9), key=likeness)


def on_gray(samples: Samples) -> npt.NDArray[np.uint8]:
    """Return what is visible of a picture, on gray."""
    alpha = samples[..., 3:] / 255 if samples.shape[2] == 4 else 1.0
    return np.rint(samples[..., :3] * alpha + 128 * (1 - alpha)).astype(np.uint8)


def shape(samples: Samples, like: Samples) -> Samples:
    size = like.shape[1], like.shape[0]
    return np.asarray(Image.fromarray(np.ascontiguousarray(samples)).resize(size))


def flat(samples: Samples) -> Samples:
    """Return the brightness of a picture, blurred, as a vector."""
    small = Image.fromarray(np.ascontiguousarray(samples)).convert("L").resize((12, 12), Image.Resampling.BOX)
    return np.asarray(small, np.float64).ravel()


def check_flat(process: Supervised, command: Callable[..., Any], styles: Sequence[str]) -> dict[str, Any]:
    """Paint black, gray and white in these styles; return the row: their order must stay."""
    kind, wrong = "flat: black, gray, white", []
    flat_ones = [odd for odd in pictures() if odd.kind == kind]
    for style in styles:
        means = []
        for odd in flat_ones:
            with tempfile.TemporaryDirectory() as place:
                (Path(place) / odd.name).write_bytes(odd.content)
                line = ["stylize", odd.name, "--style", style, "--preset", "draft", "-o", "out.png"]
                process.call(command, line, place)
                means.append(float(np.asarray(Image.open(Path(place) / "out.png").convert("L"), np.float64).mean()))
        if not means[0] < means[1] < means[2]:
            wrong.append(f"{style}: {means}")
    return {"kind": kind, "name": "order of brightness", "wrong": "; ".join(wrong), "error": None}


def probe(path: Path) -> dict[str, Any]:
    """Return what ffprobe says of streams and packets."""
    line = ["ffprobe", "-v", "error", "-show_streams", "-show_packets", "-show_format", "-of", "json", f"file:{path}"]
    found: dict[str, Any] = json.loads(subprocess.run(line, capture_output=True, check=True).stdout)
    return found


def times(found: dict[str, Any], kind: str) -> list[float]:
    """Return the times of the packets of a kind of stream, in seconds, in order."""
    first = next((stream["index"] for stream in found["streams"] if stream["codec_type"] == kind), None)
    packets = [packet for packet in found["packets"] if packet["stream_index"] == first]
    return sorted(float(packet.get("pts_time", packet.get("dts_time", "nan"))) for packet in packets)


def shown(path: Path, size: tuple[int, int]) -> Samples:
    """Return all frames (N, H, W, 3) as ffmpeg shows them."""
    line = ["ffmpeg", "-v", "error", "-i", f"file:{path}", "-map", "0:v:0", "-fps_mode", "passthrough"]
    line += ["-s", f"{size[0]}x{size[1]}", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    content = subprocess.run(line, capture_output=True, check=True).stdout
    return np.frombuffer(content, np.uint8).reshape(-1, size[1], size[0], 3)


def check_film(odd: OddFilm, source: Path, output: Path, facts: dict[str, Any], again: Again) -> str:
    """Return what is wrong with a painted film; empty if nothing is."""
    if "animation" in odd.checks or output.suffix in (".gif", ".webp"):
        return _check_animation(odd, output)
    found = probe(output)
    video = next(stream for stream in found["streams"] if stream["codec_type"] == "video")
    for wrong in (_size_and_times(odd, found, video), _other_checks(odd, source, output, found, video, facts, again)):
        if wrong:
            return wrong
    return ""


def _size_and_times(odd: OddFilm, found: dict[str, Any], video: dict[str, Any]) -> str:
    size = video["width"], video["height"]
    even = odd.size and tuple(side + side % 2 for side in odd.size)
    if odd.size and size not in (odd.size, even):
        return f"is {size}, expected {odd.size}"
    frames = times(found, "video")
    if odd.times is not None:
        if len(frames) != len(odd.times):
            return f"has {len(frames)} frames, expected {len(odd.times)}"
        away = max(abs(time - frames[0] - right) for time, right in zip(frames, odd.times, strict=True))
        if away > 0.0025:
            return f"has times {away:.4f} s from the right ones"
    elif len(frames) < 3:
        return f"has only {len(frames)} frames"
    if odd.rate is not None:
        above, below = map(int, video["avg_frame_rate"].split("/"))
        if not below or abs(above / below / odd.rate - 1) > 0.01:
            return f"has the frame rate {video['avg_frame_rate']}, expected {odd.rate:.3f}"
    return ""


def _other_checks(
    odd: OddFilm,
    source: Path,
    output: Path,
    found: dict[str, Any],
    video: dict[str, Any],
    facts: dict[str, Any],
    again: Again,
) -> str:
    original = probe(source) if source.is_file() else {"streams": [], "packets": []}
    size = video["width"], video["height"]
    if "sound" in odd.checks and not any("left out" in note for note in facts["notes"]):
        wrong = _check_sound(original, found, joined="joined" in odd.name, corrected="equal" in odd.name)
        if wrong:
            return wrong
    if "start" in odd.checks and abs(times(found, "video")[0] - times(original, "video")[0]) > 0.05:
        return f"begins at {times(found, 'video')[0]}, expected {times(original, 'video')[0]}"
    if "orientation" in odd.checks:
        turn = orientation(shown(output, size)[0], shown(source, size)[0])
        if turn != 1:
            return f"is turned like EXIF orientation {turn}"
    tags = {key.lower(): value for key, value in video.get("tags", {}).items()}
    if "alpha" in odd.checks and not (video["pix_fmt"].startswith("yuva") or tags.get("alpha_mode") == "1"):
        return f"has no transparency: {video['pix_fmt']}"
    if "fade" in odd.checks:
        alone = luma(shown(again(["--smoothing", "0"], "alone.mp4"), size))
        away = np.abs(luma(shown(output, size)) - alone).max()
        return f"differs by {away:.0f} in brightness from frames painted alone" if away > 30 else ""
    if "flat" in odd.checks:
        light = luma(shown(output, size))
        ends, middle = np.concatenate([light[:10], light[15:]]), light[10:15]
        wrong_end = ends.max() >= middle.mean() if odd.facts["value"] == 0 else ends.min() <= middle.mean()
        return f"has the brightness {light.round().tolist()}" if wrong_end else ""
    return ""


def luma(frames: Samples) -> npt.NDArray[np.float64]:
    """Return the mean brightness of each frame."""
    means: npt.NDArray[np.float64] = frames.reshape(len(frames), -1, 3).mean(1) @ np.array([0.299, 0.587, 0.114])
    return means


def _check_sound(original: dict[str, Any], found: dict[str, Any], *, joined: bool, corrected: bool) -> str:
    before, after = times(original, "audio"), times(found, "audio")
    if len(before) != len(after):
        return f"has {len(after)} packets of sound, expected {len(before)}"
    if joined:
        ends = times(found, "video")[-1], after[-1]
        return f"ends with picture and sound at {ends}" if abs(ends[0] - ends[1]) > 0.1 else ""
    lag = (after[0] - times(found, "video")[0]) - (before[0] - times(original, "video")[0])
    if abs(lag) > 0.05:
        return f"has its sound {lag:.3f} s late"
    if any(second <= first for first, second in pairwise(after)):
        return "has sound with falling times"
    spans = after[-1] - after[0], before[-1] - before[0]
    return f"has {spans[0]:.3f} s of sound, expected {spans[1]:.3f}" if abs(spans[0] - spans[1]) > 0.05 else ""


def _check_animation(odd: OddFilm, output: Path) -> str:
    with Image.open(output) as image:
        count = getattr(image, "n_frames", 1)
        if image.size != (64, 48):
            return f"is {image.size}"
        loop = image.info.get("loop")
        plays = (1 if loop is None else loop + 1 if loop else 0) if image.format == "GIF" else loop
        durations, alphas = [], []
        for number in range(count):
            image.seek(number)
            image.load()
            durations.append(round(image.info.get("duration", 0)))
            alphas.append(np.asarray(image.convert("RGBA"))[..., 3])
    if "alpha" in odd.checks:
        wrong = any(alpha[:, :28].min() < 250 or alpha[:, 36:].max() > 5 for alpha in alphas)
        return f"has {count} frames" if not count else "has another transparency" if wrong else ""
    if durations != odd.facts["durations"]:
        return f"has frames of {durations} ms"
    if plays != odd.facts["plays"]:
        return f"is played {plays} times, expected {odd.facts['plays']}"
    seen = [int(alpha.min()) < 128 for alpha in alphas]
    right = [odd.facts["alpha"] and number != 3 for number in range(4)]
    return "" if seen == right else f"is transparent in {seen}"
