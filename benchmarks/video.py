#!/usr/bin/env python3
"""How steady, sharp and quick videos are, beside the same method frame by frame.

    python benchmarks/video.py --photos FOLDER --paintings FOLDER --sequences FOLDER [--judge judge.py] [--clip CLIP]

Ten films of moving layers of photographs, whose motion and occlusions are known exactly; the sequences of a folder
(subfolders of frames), judged by TV-L1 flow, which the blending doesn't use; Middlebury's pairs there (with flow10.flo)
for the flow itself. E_warp of neighbors and ten frames apart, sharpness, and the style error under the judge on four
frames of each, of what is made by default (the model for films, and blending) as shares of frame by frame's, of
blending alone and of the model for films alone. With --clip frames a second from file to file at 640 px, and resident
memory at frames 100 and 1000 of the clip in a loop. With --best Gatys' method instead of all that, held to the frames
before. Writes a dated JSON to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

import av
import numpy as np
import torch
from judged_pairs import module
from report import write
from torch import Tensor

from brushwork import AdaINLite, Gatys, Picture, load, read_image, write_image
from brushwork.api.style_encoding import encode_style
from brushwork.flow import dis_flow, stays_visible, tvl1_flow
from brushwork.io.films import Frame
from brushwork.methods.one_pass import OnePass
from brushwork.options.film import FilmOptions
from brushwork.options.methods import DRAFT_MODEL, FILM_MODEL
from brushwork.runtime.memory import resident_memory
from brushwork.training.synthetic_motion import moving_layers
from brushwork.video.frame_optimizer import FrameOptimizer
from brushwork.video.metrics import FAR, sharpness, warping_errors
from brushwork.video.multi_pass import FrameFiles, MultiPassStylizer
from brushwork.video.smoothing import FrameWithFlow, TemporalSmoother, with_flow
from brushwork.video.stylize_video import stylize_video

SMOOTHING, TEMPORAL_WEIGHT = FilmOptions().smoothing, FilmOptions().temporal_weight
MEASURES = ("E_warp", "long-range E_warp", "sharpness", "style error")
BEST_STEPS, BEST_SIZE, BEST_LENGTH = 40, 256, 14  # of Gatys' method: small and short
BEST_WAYS = {
    "frame by frame": (0.0, 1), "one pass": (TEMPORAL_WEIGHT, 1), "two passes": (TEMPORAL_WEIGHT, 2),
    "three passes": (TEMPORAL_WEIGHT, 3),
}  # fmt: skip
FILMS, LENGTH, SIZE = 10, 30, (480, 320)
JUDGED = 4  # frames of each film
GRAIN = 0.012  # deviation of what a camera adds to each frame

Motion = Callable[[int, int], tuple[Tensor, Tensor]]


def exact_films(photos: Path, count: int) -> dict[str, tuple[list[Tensor], Motion]]:
    files = sorted(photos.glob("*.jpg"))
    found = {}
    for number in range(count):
        drawn = random.Random(number).sample(files, 4)
        film = moving_layers(
            [read_image(file).pixels for file in drawn], SIZE, LENGTH, seed=number, speed=2 + number % 4
        )
        generator = torch.Generator().manual_seed(number)
        frames = [(f + GRAIN * torch.randn(f.shape, generator=generator)).clamp(0, 1) for f in film.frames]
        found[f"layers {number}"] = frames, lambda a, b, film=film: (film.flow(a, b), film.visible(a, b))  # type: ignore[misc]
    return found


def real_films(folder: Path, size: int = 640, most: int | None = None) -> dict[str, tuple[list[Tensor], Motion]]:
    found = {}
    for place in sorted(path for path in folder.iterdir() if len(list(path.glob("*.jpg"))) > FAR):
        frames = [read_image(file, size=size).pixels for file in sorted(place.glob("*.jpg"))[:most]]
        found[place.name] = frames, estimated(frames)
    return found


def estimated(frames: list[Tensor]) -> Motion:
    estimator = tvl1_flow()

    @cache
    def motion(first: int, second: int) -> tuple[Tensor, Tensor]:
        flow, back = estimator(frames[first], frames[second]), estimator(frames[second], frames[first])
        return flow, stays_visible(flow, back)

    return motion


def painted(method: OnePass[Any], frames: list[Tensor], style: str, smoothing: float) -> list[Tensor]:
    value = encode_style(method, style, [max(frames[0].shape[2:])])
    steady = TemporalSmoother(method, smoothing)
    return [steady.paint(seen, value) for seen in with_flow((Frame(f, k, 1) for k, f in enumerate(frames)), dis_flow())]


def measured(frames: list[Tensor], motion: Motion, originals: list[Tensor], style: str, judge: Any) -> list[float]:
    found = [warping_errors(frames, motion), warping_errors(frames, motion, FAR), fmean(map(sharpness, frames))]
    return found if judge is None else [*found, style_error(frames, originals, style, judge)]


def style_error(frames: list[Tensor], originals: list[Tensor], style: str, judge_module: Any) -> float:
    """Mean over some frames, as the judge has it."""
    judge, chosen = judge_module.Judge(), np.linspace(0, len(frames) - 1, JUDGED).round().astype(int)
    with tempfile.TemporaryDirectory() as name:
        errors = []
        for k in chosen:
            for kind, frame in (("content", originals[k]), ("out", frames[k])):
                write_image(Picture(frame.contiguous()), Path(name) / f"{kind}.png")
            shown = [judge_module.load_image(path, 384) for path in
                     (Path(name) / "content.png", Path(style), Path(name) / "out.png")]  # fmt: skip
            errors.append(judge.score(*shown)[1])
    return fmean(errors)


def compared(
    films: dict[str, tuple[list[Tensor], Motion]], paintings: list[Path], judge: Any, models: list[str]
) -> dict[str, Any]:
    """Each film in four ways, and how what is made by default compares with each of the others."""
    stills, steady = models
    ways = {
        "frame by frame": (stills, 0.0), "blending alone": (stills, SMOOTHING),
        "film model frame by frame": (steady, 0.0), "steady": (steady, SMOOTHING),
    }  # fmt: skip
    methods, rows = {model: load(AdaINLite(model=model)) for model in models}, {}
    for number, (name, (frames, motion)) in enumerate(films.items()):
        painting = paintings[number % len(paintings)]
        results = {}
        for way, (model, smoothing) in ways.items():
            method = methods[model]
            assert isinstance(method, OnePass)
            made = painted(method, frames, str(painting), smoothing)
            results[way] = measured(made, motion, frames, str(painting), judge)
        shares = {
            way: [after / before for before, after in zip(results[way], results["steady"], strict=True)]
            for way in ways if way != "steady"
        }  # fmt: skip
        original = [warping_errors(frames, motion), warping_errors(frames, motion, FAR)]
        rows[name] = {"style": painting.name, **results, "shares of": shares, "E_warp of the film": original}
        print(name, painting.name, {way: [f"{x:.3f}" for x in found] for way, found in shares.items()}, flush=True)
    means = {
        way: [fmean(column) for column in zip(*(row["shares of"][way] for row in rows.values()), strict=True)]
        for way in ways if way != "steady"
    }  # fmt: skip
    print("mean", {way: [f"{x:.3f}" for x in found] for way, found in means.items()}, flush=True)
    measures = MEASURES[: len(next(iter(means.values())))]
    return {"models": models, "measures": measures, "mean shares of": means, "films": rows}


def best(films: dict[str, tuple[list[Tensor], Motion]], painting: Path) -> dict[str, Any]:
    """Gatys' method through vgg19-slim, each frame for itself and held to its neighbors, small and short."""
    method = load(Gatys(steps=BEST_STEPS))
    rows: dict[str, Any] = {"steps": BEST_STEPS, "weight": TEMPORAL_WEIGHT}
    for name, (frames, motion) in films.items():
        value = encode_style(method, painting, method.sizes(frames[0].shape[3], frames[0].shape[2]))
        results = {}
        for kind, (weight, passes) in BEST_WAYS.items():
            held, started = FrameOptimizer(method, weight, dis_flow("medium", pixels=1 << 40)), time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                files = FrameFiles(Path(folder))
                shown = (Frame(frame, k, 1) for k, frame in enumerate(frames))
                seen = with_flow(shown, dis_flow()) if weight else (FrameWithFlow(frame, None) for frame in shown)
                for _ in MultiPassStylizer(held, files, passes, lambda time, value=value: value).run(seen):  # type: ignore[misc]
                    pass
                seconds = (time.perf_counter() - started) / len(frames)
                made = [files[number].painted for number in range(len(frames))]
            results[kind] = [*measured(made, motion, frames, str(painting), None), seconds]
            shares = [after / before for before, after in zip(results["frame by frame"], results[kind], strict=True)]
            print(name, kind, [f"{share:.3f}" for share in shares], f"{seconds:.1f} s a frame", flush=True)
            rows.setdefault(name, {})[kind] = {"found": results[kind], "shares": shares}
    return rows


def endpoint_errors(folder: Path) -> dict[str, dict[str, float]]:
    """Mean distance in pixels of flows from Middlebury's true ones, where these are known."""
    ways = {
        "ours": dis_flow(), "DIS ultrafast": dis_flow("ultrafast", pixels=1 << 30),
        "DIS fast": dis_flow("fast", pixels=1 << 30), "DIS medium": dis_flow("medium", pixels=1 << 30),
        "TV-L1 (judging)": tvl1_flow(),
    }  # fmt: skip
    found = {}
    for place in sorted(folder.glob("*/flow10.flo")):
        data = np.fromfile(place, np.float32)
        width, height = data[1:3].view(np.int32)
        true = torch.from_numpy(data[3:].reshape(height, width, 2)).permute(2, 0, 1)
        known = true.abs().amax(0) < 1e9
        first, second = (read_image(place.with_name(f"frame1{k}.png")).pixels for k in (0, 1))
        found[place.parent.name] = {
            name: float((way(first, second)[0] - true).square().sum(0).sqrt()[known].mean())
            for name, way in ways.items()
        }
        print(place.parent.name, found[place.parent.name], flush=True)
    return found


def speed(clip: Path, folder: Path) -> dict[str, Any]:
    """Frames a second of the whole work, and memory at two places of the clip in a loop."""
    looped, resident = folder / "looped.mp4", {}
    with av.open(str(clip)) as source, av.open(str(looped), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        frames = [frame.reformat(640, 360, "yuv420p") for frame in source.decode(video=0)]
        for number in range(1010):
            frame = frames[number % len(frames)]
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    method = load(AdaINLite(model=FILM_MODEL))

    def progress(step: Any) -> None:
        if step.step in (100, 1000):
            resident[step.step] = resident_memory()

    done = stylize_video(looped, "feminine-wave", folder / "out.mp4", method=method, progress=progress)
    rate = done.frames / done.seconds
    print("frames a second", rate, "resident", resident, flush=True)
    return {"size": done.size, "frames": done.frames, "frames a second": rate, "resident": resident}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--sequences", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--every", type=int, default=4, help="take every n-th painting")
    parser.add_argument("--films", type=int, default=FILMS, help="of exactly known motion")
    parser.add_argument("--judge", type=Path)
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--models", nargs=2, default=[DRAFT_MODEL, FILM_MODEL], help="for stills, and for films")
    parser.add_argument("--best", action="store_true", help="Gatys' method on films, and nothing else")
    args = parser.parse_args()
    judge = module(args.judge) if args.judge else None
    paintings = sorted(args.paintings.glob("*.jpg"))[:: args.every]
    if args.best:
        films = real_films(args.sequences, BEST_SIZE, BEST_LENGTH)
        write("best-video", best(films, paintings[-1]))
        return
    facts: dict[str, Any] = {"endpoint errors": endpoint_errors(args.sequences)}
    if args.clip:
        with tempfile.TemporaryDirectory() as name:
            facts["speed"] = speed(args.clip, Path(name))
    with torch.inference_mode():
        facts["real films"] = compared(real_films(args.sequences), paintings, judge, args.models)
        facts["exact flow"] = compared(exact_films(args.photos, args.films), paintings, judge, args.models)
    write("video", facts)


if __name__ == "__main__":
    main()
