from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
import torch
from av.stream import Disposition
from PIL import Image

from brushwork.errors import PictureError, UsageError
from brushwork.image import Picture
from brushwork.io.film_formats import check_film_target, film_writer, open_film
from brushwork.io.films import FULL, LIMITED, Frame
from brushwork.io.image_file import read_image, write_image
from brushwork.io.video_writer import Encoding, VideoWriter, _SoundTimes

TIMES = [0, 40, 80, 160, 170, 300]  # milliseconds: a variable frame rate


def picture(k: int, width: int = 64, height: int = 48) -> torch.Tensor:
    """A frame whose left half says its number, in gray, under a colored right half."""
    pixels = torch.full((1, 3, height, width), 0.1 + 0.1 * k)
    pixels[..., width // 2 :] = torch.tensor([0.8, 0.3, 0.2]).view(1, 3, 1, 1)
    return pixels


def clip(
    path: Path, times: Sequence[int] = TIMES, *, codec: str = "libx264", size: tuple[int, int] = (64, 48),
    sound: bool = False, pixels: str = "yuv444p", matrix: int = 1, span: int = LIMITED, turned: int = 0,
    options: dict[str, str] | None = None, trc: int = 1,
) -> Path:  # fmt: skip
    """A video of numbered frames, made by PyAV alone."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options={"crf": "2", "bf": "0"} if options is None else options)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = *size, pixels
        context.time_base = stream.time_base = Fraction(1, 1000)
        context.colorspace, context.color_range, context.color_trc, context.color_primaries = matrix, span, trc, 1
        tones = out.add_stream("aac" if path.suffix != ".webm" else "libopus", rate=48_000) if sound else None
        for k, time in enumerate(times):
            samples = (picture(k, *size)[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(samples), format="rgb24").reformat(
                format=pixels, src_colorspace=matrix, dst_colorspace=matrix, src_color_range=FULL, dst_color_range=span
            )
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if tones is not None:
            for k in range(20):
                wave = (np.sin(np.arange(1024) / 9 + k) * 8000).astype(np.int16)[None]
                beep = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
                beep.sample_rate, beep.pts, beep.time_base = 48_000, k * 1024, Fraction(1, 48_000)
                out.mux(tones.encode(beep))
            out.mux(tones.encode(None))
    return path


def packets(path: Path, kind: str = "audio") -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as container:
        stream = next(s for s in container.streams if s.type == kind)
        return [(p.pts * p.time_base, bytes(p)) for p in container.demux(stream) if p.dts is not None]


def written(
    film: Path, output: Path, *, per: int = 4, encoding: Encoding | None = None
) -> tuple[list[Frame], list[str]]:
    """Copy a film through reader and writer; its frames as they are read back, and remarks."""
    source = open_film(film)
    parts = output.with_name("parts")
    parts.mkdir()
    writer = film_writer(output, source, source.size, encoding or Encoding(quality=95, pixel_format="yuv444p"), parts)
    number = 0
    for frame in source.frames():
        if number % per == 0:
            writer.begin(number // per, number)
        writer.write(frame)
        number += 1
        if number % per == 0:
            writer.end()
    if number % per:
        writer.end()
    writer.join(-(-number // per), '{"made": "here"}', output)
    return list(open_film(output).frames()), writer.notes


def test_times_and_colors_are_kept(tmp_path: Path) -> None:
    film = open_film(clip(tmp_path / "a.mp4"))
    frames = list(film.frames())
    assert [frame.time * film.time_base * 1000 for frame in frames] == TIMES
    for k, frame in enumerate(frames):
        assert (frame.pixels - picture(k)).abs().mean() < 0.01
    assert len(list(film.frames(4))) == 2
    assert torch.equal(next(iter(film.frames(4))).pixels, frames[4].pixels)
    assert next(iter(film.frames(0, (32, 24)))).pixels.shape == (1, 3, 24, 32)


@pytest.mark.parametrize("matrix", [1, 5, 6])
@pytest.mark.parametrize("span", [LIMITED, FULL])
def test_matrix_and_range_are_honoured_and_written(matrix: int, span: int, tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", matrix=matrix, span=span)
    assert (next(iter(open_film(path).frames())).pixels - picture(0)).abs().mean() < 0.01
    frames, _ = written(path, tmp_path / "out.mp4")
    assert (frames[3].pixels - picture(3)).abs().mean() < 0.02
    assert (open_film(tmp_path / "out.mp4").colors.matrix, open_film(tmp_path / "out.mp4").colors.range) == (
        matrix,
        span,
    )


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_segments_are_joined_with_times_and_sound(suffix: str, tmp_path: Path) -> None:
    source = clip(tmp_path / f"a{suffix}", sound=True)
    frames, notes = written(source, tmp_path / f"out{suffix}")
    film = open_film(tmp_path / f"out{suffix}")
    assert [round(frame.time * film.time_base * 1000) for frame in frames] == TIMES
    assert all((frame.pixels - picture(k)).abs().mean() < 0.02 for k, frame in enumerate(frames))
    assert packets(tmp_path / f"out{suffix}") == packets(source)
    assert notes == []
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}
        assert tags["comment"] == '{"made": "here"}'


def test_webm_takes_opus_and_not_aac(tmp_path: Path) -> None:
    source = clip(tmp_path / "a.webm", codec="libvpx-vp9", options={}, pixels="yuv420p", sound=True)
    _, notes = written(source, tmp_path / "out.webm", encoding=Encoding())
    assert notes == []
    assert [data for _, data in packets(tmp_path / "out.webm")] == [data for _, data in packets(source)]
    (tmp_path / "parts").rename(tmp_path / "old")
    _, notes = written(clip(tmp_path / "b.mp4", sound=True), tmp_path / "other.webm", encoding=Encoding())
    assert notes == ["audio (aac) is not supported by .webm and was left out"]


def test_subtitles_are_copied_where_they_can_be(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text(
        "1\n00:00:00,000 --> 00:00:00,100\nthe sea\n\n2\n00:00:00,160 --> 00:00:00,300\nthe sky\n"
    )
    with (
        av.open(str(clip(tmp_path / "a.mkv"))) as film,
        av.open(str(tmp_path / "a.srt")) as words,
        av.open(str(tmp_path / "both.mkv"), "w") as out,
    ):
        for source in (film, words):
            out.add_stream_from_template(source.streams[0])
        for index, source in ((1, words), (0, film)):
            for packet in source.demux(source.streams[0]):
                if packet.dts is not None:
                    packet.stream = out.streams[index]
                    out.mux(packet)
    _, notes = written(tmp_path / "both.mkv", tmp_path / "out.mkv")
    assert (packets(tmp_path / "out.mkv", "subtitle"), notes) == (
        [(Fraction(0), b"the sea"), (Fraction(4, 25), b"the sky")],
        [],
    )
    (tmp_path / "parts").rename(tmp_path / "old")
    _, notes = written(tmp_path / "both.mkv", tmp_path / "out.mp4")
    assert notes == ["subtitle (subrip) is not supported by .mp4 and was left out"]


def test_odd_sizes_are_made_even_and_said(tmp_path: Path) -> None:
    source = clip(tmp_path / "a.mkv", size=(63, 47))
    frames, notes = written(source, tmp_path / "out.mp4", encoding=Encoding())
    assert frames[0].pixels.shape == (1, 3, 48, 64)
    assert notes == ["out.mp4: made 64x48, because yuv420p requires even sides"]


@pytest.mark.parametrize("codec", ["h265", "vp9"])
def test_other_codecs(codec: str, tmp_path: Path) -> None:
    frames, _ = written(clip(tmp_path / "a.mp4", size=(128, 96)), tmp_path / "out.mp4", encoding=Encoding(codec))
    assert len(frames) == len(TIMES)
    assert (frames[5].pixels - picture(5, 128, 96)).abs().mean() < 0.03


def test_prores_is_deep(tmp_path: Path) -> None:
    frames, _ = written(clip(tmp_path / "a.mp4"), tmp_path / "out.mov", encoding=Encoding("prores"))
    assert (frames[2].pixels - picture(2)).abs().mean() < 0.02
    assert av.open(str(tmp_path / "out.mov")).streams.video[0].pix_fmt == "yuv422p10le"


def test_ten_bits_are_read(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mkv", pixels="yuv444p10le")
    values = next(iter(open_film(path).frames())).pixels * 255
    assert (values - values.round()).abs().max() > 0.05


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("x", [1, -1])
@pytest.mark.parametrize("y", [1, -1])
def test_all_eight_orientations_are_shown_upright(transposed: bool, x: int, y: int, tmp_path: Path) -> None:
    """A display matrix (a b u, c d v, x y w) moves the pixel (p, q) to (ap + cq, bp + dq); checked with FFmpeg."""
    path = clip(tmp_path / "a.mp4")
    stored = next(iter(open_film(path).frames())).pixels
    data = path.read_bytes()
    numbers = [(0, y, 0), (x, 0, 0)] if transposed else [(x, 0, 0), (0, y, 0)]
    matrix = b"".join((65536 * value).to_bytes(4, "big", signed=True) for row in numbers for value in row)
    straight = b"".join((65536 * value).to_bytes(4, "big") for value in (1, 0, 0, 0, 1, 0))
    at = data.index(straight, data.index(b"tkhd"))  # the matrix of the track's header
    path.write_bytes(data[:at] + matrix + data[at + len(matrix) :])
    film = open_film(path)
    assert film.size == ((48, 64) if transposed else (64, 48))
    shown = stored.transpose(2, 3) if transposed else stored
    shown = shown.flip([axis for axis, sign in ((3, x), (2, y)) if sign < 0])
    assert torch.equal(next(iter(film.frames())).pixels, shown)


def test_hdr_is_refused_in_plain_words(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mkv", pixels="yuv420p10le", trc=16)
    with pytest.raises(UsageError, match=r"HDR \(PQ\)"):
        open_film(path)


def test_a_truncated_film_goes_as_far_as_it_goes(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mkv", [40 * k for k in range(60)], options={"crf": "2", "bf": "0", "g": "5"})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    film = open_film(path)
    frames = list(film.frames())
    assert 10 < len(frames) < 60
    assert any("damaged" in note and f"{len(frames)} of" in note for note in film.notes)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b"no film" * 100, "is not a readable video"), (b"OggS" + bytes(200), "is not a readable video")],
)
def test_what_is_no_film_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(PictureError, match=words):
        open_film(tmp_path / "a.mp4")
    with pytest.raises(PictureError, match="no such file"):
        open_film(tmp_path / "b.mp4")


def test_large_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="--max-pixels"):
        open_film(clip(tmp_path / "a.mp4"), max_pixels=1000)


@pytest.mark.parametrize(
    ("name", "encoding", "words"),
    [
        ("a.xyz", Encoding(), "videos can be written as"),
        ("a.webm", Encoding("h264"), "support vp9, not h264"),
        ("a.mp4", Encoding(quality=0), "quality from 1"),
        ("a.mp4", Encoding(pixel_format="rgbx"), "libx264 supports"),
        ("none/a.mp4", Encoding(), "doesn't exist"),
    ],
)
def test_targets_are_checked_beforehand(name: str, encoding: Encoding, words: str, tmp_path: Path) -> None:
    with pytest.raises((UsageError, PictureError), match=words):
        check_film_target(tmp_path / name, encoding)


def test_an_interlaced_film_is_deinterlaced(tmp_path: Path) -> None:
    options = {"crf": "2", "bf": "0", "x264-params": "interlaced=1"}
    path = clip(tmp_path / "a.mp4", [40 * k for k in range(8)], pixels="yuv420p", size=(64, 64), options=options)
    film = open_film(path)
    frames = list(film.frames())
    assert any("deinterlaced" in note for note in film.notes)
    assert [frame.time * film.time_base * 1000 for frame in frames] == [40 * k for k in range(8)]
    assert {frame.duration * film.time_base for frame in frames[:-1]} == {Fraction(1, 25)}
    assert (frames[4].pixels - picture(4, 64, 64)).abs().mean() < 0.06


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_the_frame_rate_is_written(suffix: str, tmp_path: Path) -> None:
    source = clip(tmp_path / "a.mkv", [40 * k for k in range(8)], pixels="yuv420p")
    written(source, tmp_path / f"out{suffix}", encoding=Encoding())
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert container.streams.video[0].average_rate == 25


def test_chapters_and_tags_are_copied(tmp_path: Path) -> None:
    with av.open(str(clip(tmp_path / "plain.mkv"))) as plain, av.open(str(tmp_path / "a.mkv"), "w") as out:
        stream = out.add_stream_from_template(plain.streams.video[0])
        out.metadata["title"] = "Boats"
        times = {"start": 0, "end": 100, "time_base": Fraction(1, 1000)}
        out.set_chapters([{"id": 1, **times, "metadata": {"title": "First"}}])
        for packet in plain.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    written(tmp_path / "a.mkv", tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["First"]
        assert container.metadata["title"] == "Boats"


def test_pixels_that_are_not_square_become_so(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(3, 2)
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert open_film(tmp_path / "a.mkv").size == (96, 48)


def see_through(path: Path, codec: str, pixels: str, options: dict[str, str] | None = None) -> Path:
    """A video of red, whose transparent half hides blue."""
    samples = np.zeros((48, 64, 4), np.uint8)
    samples[:, :32], samples[:, 32:] = (220, 30, 30, 255), (0, 0, 255, 0)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        if path.suffix == ".webm":
            stream.metadata["alpha_mode"] = "1"
        for k in range(6):
            samples[:, :32, 0] = 200 + 10 * k
            out.mux(stream.encode(av.VideoFrame.from_ndarray(samples, format="rgba").reformat(format=pixels)))
        out.mux(stream.encode(None))
    return path


SEE_THROUGH = [
    ("a.mov", "qtrle", "argb"),
    ("a.mov", "png", "rgba"),
    ("a.mov", "prores_ks", "yuva444p10le"),
    ("a.webm", "libvpx-vp9", "yuva420p"),
    ("a.webm", "libvpx", "yuva420p"),
]


@pytest.mark.parametrize(("name", "codec", "pixels"), SEE_THROUGH)
def test_transparent_films_are_read_on_white(name: str, codec: str, pixels: str, tmp_path: Path) -> None:
    film = open_film(see_through(tmp_path / name, codec, pixels, {"auto-alt-ref": "0"} if "vpx" in codec else None))
    frames = list(film.frames())
    assert film.alpha
    assert len(frames) == 6
    for frame in (*frames, next(film.frames(0, (32, 24)))):
        assert frame.alpha is not None
        width = frame.pixels.shape[3]
        assert frame.alpha[..., : width // 2 - 4].min() > 0.98
        assert frame.alpha[..., width // 2 + 4 :].max() < 0.02
        assert frame.pixels[..., width // 2 + 4 :].min() > 0.97  # white, not the hidden blue
        assert frame.pixels[0, 2].min() > 0.05


@pytest.mark.parametrize("name", ["out.mov", "out.webm", "out.mkv", "out.webp", "out.gif", "out"])
def test_transparency_is_kept_where_it_can_be(name: str, tmp_path: Path) -> None:
    source = see_through(tmp_path / "a.mov", "qtrle", "argb")
    frames, notes = written(source, tmp_path / name, encoding=Encoding())
    assert notes == []
    assert len(frames) == 6
    for frame in frames:
        assert frame.alpha is not None
        assert frame.alpha[..., :24].min() > 0.98
        assert frame.alpha[..., 40:].max() < 0.02


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("out.mp4", Encoding()),
        ("out.mov", Encoding("h264")),
        ("out.mov", Encoding(pixel_format="yuv420p")),
        ("%02d.jpg", Encoding()),
    ],
)
def test_lost_transparency_is_said(name: str, encoding: Encoding, tmp_path: Path) -> None:
    frames, notes = written(see_through(tmp_path / "a.mov", "qtrle", "argb"), tmp_path / name, encoding=encoding)
    assert [note for note in notes if "transparent areas are painted on white" in note] == notes
    assert len(notes) == 1
    assert all(frame.alpha is None and frame.pixels[..., 40:].min() > 0.95 for frame in frames)


def animation(path: Path, plays: int) -> Path:
    """An animation of four frames, whose right half is transparent in all but one."""
    shown = []
    for k in range(4):
        samples = np.full((48, 64, 4), 255, np.uint8)
        samples[:, :32, :3] = 60 * k
        samples[:, 32:, 3] = 255 if k == 3 else 0
        shown.append(Image.fromarray(samples, "RGBA"))
    repeats = plays - 1 if path.suffix == ".gif" and plays else plays
    loop: dict[str, Any] = {} if path.suffix == ".gif" and plays == 1 else {"loop": repeats}
    shown[0].save(
        path, save_all=True, append_images=shown[1:], duration=[20, 500, 70, 100], disposal=2,
        **loop, **({"lossless": True} if path.suffix == ".webp" else {}),
    )  # fmt: skip
    return path


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
@pytest.mark.parametrize("out", [".gif", ".webp"])
@pytest.mark.parametrize("plays", [0, 1, 3])
def test_animations_keep_rounds_times_and_transparency(suffix: str, out: str, plays: int, tmp_path: Path) -> None:
    source = animation(tmp_path / f"a{suffix}", plays)
    film = open_film(source)
    assert (film.plays, film.alpha, film.rate) == (plays, True, Fraction(4000, 690))
    frames, notes = written(source, tmp_path / f"out{out}", encoding=Encoding())
    assert notes == []
    assert open_film(tmp_path / f"out{out}").plays == plays
    assert [frame.duration for frame in frames] == [20, 500, 70, 100]
    assert [frame.alpha is None for frame in frames] == [False, False, False, True]


def test_a_film_says_that_it_is_played_once(tmp_path: Path) -> None:
    _, notes = written(animation(tmp_path / "a.webp", 3), tmp_path / "out.webm", encoding=Encoding())
    assert notes == ["a.webp is played 3 times; out.webm once"]


def test_an_animated_png_is_named_by_its_frames(tmp_path: Path) -> None:
    assert read_image(animation(tmp_path / "a.png", 0)).notes == ("a.png: first of 4 frames",)
    Image.new("RGB", (8, 8)).save(tmp_path / "b.png")
    assert read_image(tmp_path / "b.png").notes == ()


def twice(path: Path) -> Path:
    """A transport stream joined from two, whose times begin anew."""
    piece = clip(path.with_name("piece.ts"), [40 * k for k in range(12)], pixels="yuv420p", sound=True)
    path.write_bytes(2 * piece.read_bytes())
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_joined_streams_are_one_film_with_its_sound(suffix: str, tmp_path: Path) -> None:
    source = twice(tmp_path / "a.ts")
    film = open_film(source)
    times = [float(frame.time * film.time_base) for frame in film.frames()]
    assert [after - before for before, after in pairwise(times)] == pytest.approx([0.04] * 23, abs=1e-3)
    assert any("joined from 2 pieces" in note for note in film.notes)
    frames, _ = written(source, tmp_path / f"out{suffix}", encoding=Encoding())
    assert len(frames) == 24
    sounds = [float(time) for time, _ in packets(tmp_path / f"out{suffix}")]
    assert len(sounds) == len(packets(source))
    assert all(before < after for before, after in pairwise(sounds))
    half = len(sounds) // 2
    assert sounds[half] - sounds[0] == pytest.approx(times[12] - times[0], abs=0.03)  # each piece beside its picture
    assert min(sounds[0], times[0]) == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_with_a_repeated_time_is_corrected(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.mkv"
    with av.open(str(clip(tmp_path / "a.mkv", sound=True))) as good, av.open(str(path), "w") as out:
        streams = [out.add_stream_from_template(stream) for stream in good.streams]
        number, before = 0, 0
        for packet in good.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "audio":
                number += 1
                packet.pts = packet.dts = before if number == 6 else packet.dts
                before = packet.dts
            packet.stream = streams[packet.stream.index]
            out.mux(packet)
    sounds = [time for time, _ in packets(path)]
    assert len(set(sounds)) == len(sounds) - 1
    frames, notes = written(path, tmp_path / f"out{suffix}")
    assert len(frames) == len(TIMES)
    assert notes == ["the sound of bad.mkv has repeated or falling times, which were corrected"]
    kept = packets(tmp_path / f"out{suffix}")
    assert [data for _, data in kept] == [data for _, data in packets(path)]
    assert all(before < after for (before, _), (after, _) in pairwise(kept))


@pytest.mark.parametrize(("kind", "expected"), [("audio", [0, 20, 21, 22, 60]), ("subtitle", [0, 20, 20, 20, 60])])
def test_times_that_fall_are_corrected(kind: str, expected: list[int], tmp_path: Path) -> None:
    stream = SimpleNamespace(time_base=Fraction(1, 1000), type=kind)
    times = _SoundTimes(stream, open_film(clip(tmp_path / "a.mkv")), leaps=False)
    found = []
    for time in (0, 20, 20, 15, 60):
        packet = SimpleNamespace(pts=time, dts=time, duration=20)
        times.correct(packet)
        assert packet.pts == packet.dts
        found.append(packet.dts)
    assert found == expected


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_film_whose_sound_can_not_be_copied_is_written_without(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: VideoWriter, source: Any, copied: Any) -> Any:
        raise av.error.ArgumentError(22, "Invalid argument")

    monkeypatch.setattr(VideoWriter, "_copied_packets", fail)
    frames, notes = written(clip(tmp_path / "a.mp4", sound=True), tmp_path / f"out{suffix}")
    assert len(frames) == len(TIMES)
    assert len(notes) == 1
    assert "sound of a.mp4 can't be copied and was left out" in notes[0]
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert not container.streams.audio


def test_a_film_whose_source_is_gone_is_written_without_sound(tmp_path: Path) -> None:
    source = open_film(clip(tmp_path / "a.mp4", sound=True))
    writer = film_writer(tmp_path / "out.mp4", source, source.size, Encoding(), tmp_path)
    writer.begin(0, 0)
    for frame in source.frames():
        writer.write(frame)
    writer.end()
    (tmp_path / "a.mp4").unlink()
    writer.join(1, None, tmp_path / "out.mp4")
    assert "no such file" in writer.notes[0]
    assert len(list(open_film(tmp_path / "out.mp4").frames())) == len(TIMES)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.avif", "a.bmp"])
def test_a_still_picture_is_no_film(name: str, tmp_path: Path) -> None:
    write_image(Picture(picture(2)), tmp_path / name)
    with pytest.raises(PictureError, match="is a still picture, not a video; use brushwork stylize"):
        open_film(tmp_path / name)


@pytest.mark.parametrize("name", ["song.mp3", "song.m4a"])
def test_a_song_with_a_cover_is_no_film(name: str, tmp_path: Path) -> None:
    with av.open(str(tmp_path / name), "w", format="mp3" if name.endswith("mp3") else "mp4") as out:
        tones = out.add_stream("libmp3lame" if name.endswith("mp3") else "aac", rate=48_000)
        cover = out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        out.mux(cover.encode(av.VideoFrame(64, 48, "yuvj420p")))
        out.mux(cover.encode(None))
        for k in range(20):
            beep = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            beep.sample_rate, beep.pts, beep.time_base = 48_000, k * 1024, Fraction(1, 48_000)
            out.mux(tones.encode(beep))
        out.mux(tones.encode(None))
    with pytest.raises(PictureError, match="is a sound file with a cover picture, not a video"):
        open_film(tmp_path / name)


def test_half_a_transport_stream_is_cut_off(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.ts", [40 * k for k in range(40)], pixels="yuv420p")
    film = open_film(path)
    assert len(list(film.frames())) == 40
    assert film.notes == []
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 // 188 * 188 + 100])
    film = open_film(path)
    count = len(list(film.frames()))
    assert 5 < count < 40
    assert film.notes[0].startswith(f"a.ts is cut off after {count} frames, at ")


@pytest.mark.parametrize("name", ["*.jpg", "frame?.png"])
def test_wildcards_are_answered(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a folder such as .*, or a pattern such as .*%d"):
        open_film(tmp_path / name)
