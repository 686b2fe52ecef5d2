"""Sound, subtitles, chapters and tags of films."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest
from sample_films import TIMES, clip, packets, written

from brushwork.io.film_formats import film_writer, open_film
from brushwork.io.video_writer import Encoding, VideoWriter, _SoundTimes


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


def test_a_packet_without_times_follows_the_one_before(tmp_path: Path) -> None:
    stream = SimpleNamespace(time_base=Fraction(1, 1000), type="audio")
    times = _SoundTimes(stream, open_film(clip(tmp_path / "a.mkv")), leaps=False)
    last = SimpleNamespace(pts=None, dts=None, duration=20)
    for packet in (SimpleNamespace(pts=40, dts=40, duration=20), last):
        times.correct(packet)
    assert (last.pts, last.dts, times.corrected) == (60, 60, False)


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
