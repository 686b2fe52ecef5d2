"""What the studio does for its users; its workers' work is done in this process here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, features
from studios import picture

from brushwork.errors import BrushworkError, UsageError
from brushwork.studio.errors import ConflictError, NotFoundError, TooLargeError
from brushwork.studio.quota import RECORD
from brushwork.studio.records import Job, Upload
from brushwork.studio.schemas import NewStyle, Picture, Preview, Video
from brushwork.studio.service import Service

Film = Callable[[Path, int], Path]
Take = Callable[..., Upload]
Do = Callable[..., Job]
GATYS: dict[str, Any] = {"method": "gatys", "settings": {"steps": 12, "precision": "float32"}, "size": 64}


def left_over(service: Service) -> list[str]:
    known = {"uploads", "jobs", "swatches", "strips", "audit", "tiles"}
    return [path.name for path in service.files.root.iterdir() if path.name[:6] != "studio" and path.name not in known]


def test_what_is_sent_is_known_by_its_content(take: Take) -> None:
    photo, film = take("photo.png", called="film.mp4"), take("film.mp4", called="photo.png")
    assert (photo.kind, photo.facts) == ("picture", {"width": 160, "height": 120})
    assert (film.kind, film.facts) == ("film", {"width": 96, "height": 64, "frames": 8, "seconds": 1.0})


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WebP", "TIFF", "AVIF", "BMP", "GIF"])
def test_every_format_that_is_read_can_be_sent(form: str, take: Take, tmp_path: Path) -> None:
    if form == "AVIF" and not features.check("avif"):
        pytest.skip("Pillow without AVIF")
    Image.new("RGB", (48, 32), (200, 0, 0)).save(tmp_path / "photo", form)
    upload = take(content=(tmp_path / "photo").read_bytes(), called="photo.png")
    assert (upload.kind, upload.facts["width"], upload.facts["height"]) == ("picture", 48, 32)
    assert upload.facts.get("frames", 1) == 1


@pytest.mark.parametrize("form", ["GIF", "WebP"])
def test_an_animation_is_a_picture_whose_frames_are_counted(form: str, take: Take, tmp_path: Path) -> None:
    images = [Image.new("RGB", (48, 32), (80 * k, 0, 0)) for k in range(3)]
    images[0].save(tmp_path / "moving", form, save_all=True, append_images=images[1:], duration=100)
    upload = take(content=(tmp_path / "moving").read_bytes(), called="moving")
    assert (upload.kind, upload.facts) == ("picture", {"width": 48, "height": 32, "frames": 3})


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("boat.jpg", "boat.jpg"), ("../../etc/passwd", "passwd"), ("C:\\fotos\\boat.jpg", "boat.jpg"), ("", "file"),
        ("..", ".."), ("/", "file"), ("a\0b\nc\r\x1b[31m.png", "abc[31m.png"), ("\u202egnp.exe", "gnp.exe"),
        ("n" * 5000, "n" * 80), ("Böt & \"Bot\" 'b'.png", "Böt & \"Bot\" 'b'.png"), ("\ud800.png", ".png"),
    ],
)  # fmt: skip
def test_names_are_for_people_and_name_no_folder(called: str, name: str, take: Take, service: Service) -> None:
    upload = take(called=called or "/")
    assert upload.name == name
    assert service.files.upload(upload.id).parent == service.files.uploads
    assert service.upload("ada", upload.id) == upload


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", "is not in a supported format"),
        (b"x" * 1_000_001, "1 MB"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(content: bytes, words: str, take: Take, service: Service) -> None:
    with pytest.raises(BrushworkError, match=words) as refused:
        take(content=content, called="boat.png")
    assert str(service.files.root) not in str(refused.value)
    assert service.database.uploads("ada") == []
    assert list(service.files.uploads.iterdir()) == []
    assert left_over(service) == []


def test_pictures_and_films_over_a_limit_are_refused(take: Take, film: Film, tmp_path: Path) -> None:
    Image.new("RGB", (240, 210)).save(tmp_path / "large.png")
    with pytest.raises(UsageError, match=r"photo\.png: 240 x 210 pixels are more than the limit of 50,000"):
        take(content=(tmp_path / "large.png").read_bytes())
    with pytest.raises(UsageError, match=r"film\.mp4: 4 seconds are more than the limit of 2"):
        take(content=film(tmp_path / "long.mp4", 32).read_bytes(), called="film.mp4")


def test_the_oldest_goes_when_room_is_needed_but_nothing_that_a_job_needs(
    service: Service, take: Take, samples: Path
) -> None:
    size = (samples / "photo.png").stat().st_size + RECORD
    uploads = [take() for _ in range(3)]
    service.submit("ada", Picture(photo=uploads[0].id, style="great-wave"))
    object.__setattr__(service.limits, "storage_gb", (3.5 * size + RECORD) / 1e9)
    uploads.append(take())
    assert [upload.id for upload in service.database.uploads("ada")] == [uploads[k].id for k in (0, 2, 3)]
    assert take(user="bob")  # who has room of his own
    object.__setattr__(service.limits, "storage_gb", 0.5 * size / 1e9)
    with pytest.raises(TooLargeError, match="fill the"):
        take()


def test_a_file_that_is_refused_drives_out_no_other(service: Service, take: Take, samples: Path) -> None:
    kept = take()
    object.__setattr__(service.limits, "storage_gb", (1.5 * kept.bytes + RECORD) / 1e9)
    with pytest.raises(UsageError):
        take(content=b"x" * kept.bytes)
    assert service.database.uploads("ada") == [kept]


def test_a_file_that_a_job_needs_isn_t_deleted(service: Service, take: Take, do: Do) -> None:
    photo, painting = take(), take("wave.jpg")
    job = service.submit("ada", Picture(photo=photo.id, style=f"great-wave:0.5+@{painting.id}:0.5", size=64))
    for upload in (photo, painting):
        with pytest.raises(ConflictError, match="needs this file"):
            service.remove_upload("ada", upload.id)
    service.cancel("ada", job.id)
    service.thumbnail("ada", photo.id)
    for upload in (photo, painting):
        service.remove_upload("ada", upload.id)
    assert list(service.files.uploads.iterdir()) == []


def test_thumbnails_are_made_here_and_hold_nothing_of_what_was_sent(service: Service, take: Take) -> None:
    photo = take("wave.jpg", content=None)
    path = service.files.upload(photo.id)
    polyglot = take(content=path.read_bytes() + b"<script>alert(1)</script>PK\x03\x04", called="wave.jpg")
    for _ in range(2):
        shown = service.thumbnail("ada", polyglot.id)
        assert b"script" not in shown
        assert picture(shown).shape == (96, 96, 3)
    assert np.abs(picture(shown) - picture(path)).mean() < 6
    assert picture(service.thumbnail("ada", take().id, 64)).shape == (48, 64, 3)
    assert picture(service.thumbnail("ada", take("film.mp4").id)).shape == (64, 96, 3)


def test_a_preview_is_the_photo_in_the_style(service: Service, take: Take) -> None:
    photo = take()
    plain = service.preview("ada", Preview(photo=photo.id, style="great-wave", size=128, settings={"strength": 0}))
    painted = service.preview("ada", Preview(photo=photo.id, style="great-wave", size=128))
    other = service.preview("ada", Preview(photo=photo.id, style=f"@{take('wave.jpg').id}", size=128))
    shown = picture(service.thumbnail("ada", photo.id, 128))
    assert picture(plain).shape == (96, 128, 3)
    assert np.abs(picture(plain) - shown).mean() < 8
    assert np.abs(picture(painted) - shown).mean() > 20
    assert np.abs(picture(painted) - picture(other)).mean() > 10


def test_a_preview_of_gatys_is_one_of_a_quick_method(service: Service, take: Take) -> None:
    photo = take()
    ask: dict[str, Any] = {"photo": photo.id, "style": "great-wave", "size": 96}
    slow = service.preview("ada", Preview(**ask, method="gatys", settings={"steps": 100_000, "style_scale": 0.5}))
    quick = service.preview("ada", Preview(**ask, preset="draft", settings={"style_scale": 0.5}))
    assert slow == quick


def test_a_film_s_preview_shows_frames_above_each_other(service: Service, take: Take) -> None:
    film = take("film.mp4")
    shown = picture(service.preview("ada", Video(kind="video", film=film.id, style="great-wave")))
    assert shown.shape == (128, 3 * 96, 3)
    assert np.abs(shown[:64] - shown[64:]).mean() > 20


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"keep_color": "cholesky"}, "great-wave contains only statistics"),
        ({"method": "microast"}, "style great-wave works with"),
        ({"method": "adain", "settings": {"network": "vgg19.normalised"}}, "not on this machine"),
    ],
)
def test_what_can_t_be_painted_is_refused_without_a_path(
    wishes: dict[str, Any], words: str, service: Service, take: Take
) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        service.preview("ada", Preview(photo=take().id, style="great-wave", size=64, **wishes))
    assert "/" not in str(refused.value).replace("https://", "").split("on another machine")[-1]


def test_a_style_of_one_s_own_is_painted_with_and_taken_away(service: Service, take: Take) -> None:
    style = service.add_style("ada", NewStyle(picture=take("wave.jpg").id, name="mine", title="Mine"))
    assert (style.own, style.about["title"]) == (True, "Mine")
    first = service.swatch("ada", "mine")
    assert picture(first).shape == (96, 96, 3)
    assert service.preview("ada", Preview(photo=take().id, style="mine", size=64))
    with pytest.raises(UsageError, match="a style named mine already exists"):
        service.add_style("ada", NewStyle(picture=take().id, name="mine"))
    service.remove_style("ada", "mine")
    with pytest.raises(NotFoundError):
        service.swatch("ada", "mine")
    service.add_style("ada", NewStyle(picture=take("photo.png").id, name="mine"))
    assert service.swatch("ada", "mine") != first


def test_a_style_that_comes_with_brushwork_stays(service: Service) -> None:
    with pytest.raises(UsageError, match="it is built in"):
        service.remove_style("ada", "great-wave")
    assert picture(service.swatch("ada", "great-wave")).shape[2] == 3


def test_what_is_too_old_is_deleted_but_nothing_that_is_needed(service: Service, take: Take, do: Do) -> None:
    old, done, needed = take(), do(Picture(photo=take().id, style="great-wave", size=64)), take()
    job = service.submit("ada", Picture(photo=needed.id, style="great-wave"))
    service.quota.sweep()
    assert len(service.database.uploads("ada")) == 3
    object.__setattr__(service.limits, "keep_days", 1e-9)
    time.sleep(0.01)
    service.quota.sweep()
    assert [upload.id for upload in service.database.uploads("ada")] == [needed.id]
    assert [found.id for found in service.jobs("ada")] == [job.id]
    assert not service.files.job(done.id).exists()
    assert not service.files.upload(old.id).exists()


def test_what_a_crash_left_is_swept_away_after_a_while(service: Service, take: Take, do: Do) -> None:
    done = do(Picture(photo=take().id, style="great-wave", size=64))
    root, long_ago = service.files.root, time.time() - 3600
    left = [root / ".sent-abc", service.files.job("0" * 32), root / ".backup-abc"]
    fresh = root / ".sent-def"
    for path in (left[0], fresh):
        path.write_bytes(b"half a file")
    for path in left[1:]:
        path.mkdir()
    for path in [*left, service.files.job(done.id)]:
        os.utime(path, (long_ago, long_ago))
    service.quota.sweep()
    assert not any(path.exists() for path in left)
    assert fresh.exists()
    assert service.result("ada", done.id)[0].exists()


def test_room_that_is_used_is_told(service: Service, take: Take, do: Do) -> None:
    photo = take()
    assert service.quota.used("ada") == photo.bytes + RECORD
    job = do(Picture(photo=photo.id, style="great-wave", size=64))
    assert service.quota.used("ada") == photo.bytes + job.bytes + 2 * RECORD
    assert service.quota.used("bob") == 0
    service.result("ada", job.id, "tiff")
    assert service.job("ada", job.id).bytes > job.bytes
    style = service.add_style("ada", NewStyle(picture=photo.id, name="mine"))
    assert service.quota.used("ada") >= photo.bytes + service.job("ada", job.id).bytes + style.path.stat().st_size


def test_what_a_removed_user_had_is_gone_and_nothing_of_others(service: Service, take: Take, do: Do) -> None:
    photo, theirs = take(), take(user="bob")
    service.add_style("ada", NewStyle(picture=photo.id, name="mine"))
    service.swatch("ada", "mine")
    job = do(Picture(photo=photo.id, style="mine", size=64))
    waiting = service.submit("ada", Picture(photo=photo.id, style="mine", size=64))
    service.quota.forget_user("ada")
    names = {photo.id, job.id, waiting.id, "mine.jpg"}
    assert not any(names & {*path.parts} for path in service.files.root.rglob("*"))
    assert (service.quota.used("ada"), service.jobs("ada"), "mine" in service.styles("ada")) == (0, [], False)
    assert service.database.claim() is None
    assert service.upload("bob", theirs.id) == theirs
