"""What becomes of jobs; the workers' work is done in this process here."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from studios import picture

from brushwork import read_recipe
from brushwork.api.presets import preset_options
from brushwork.errors import UsageError
from brushwork.io.film_formats import open_film
from brushwork.options.methods import Gatys
from brushwork.studio import job_worker
from brushwork.studio.errors import BusyError, ConflictError, NotFoundError, TooLargeError
from brushwork.studio.job_worker import Work
from brushwork.studio.records import Job, Upload
from brushwork.studio.schemas import Batch, Grid, Picture, Texture, Video
from brushwork.studio.service import Service

Film = Callable[[Path, int], Path]
Take = Callable[..., Upload]
Do = Callable[..., Job]
GATYS: dict[str, Any] = {"method": "gatys", "settings": {"steps": 12, "precision": "float32"}, "size": 64}


def test_jobs_of_what_isn_t_there_are_refused(service: Service, take: Take) -> None:
    photo, theirs = take().id, take(user="bob").id
    none = "0" * 32
    for missing in (
        Picture(photo=none, style="great-wave"),
        Picture(photo=theirs, style="great-wave"),
        Picture(photo=photo, style="no-such-style"),
        Picture(photo=photo, style=f"@{theirs}"),
        Picture(photo=photo, style="great-wave", masks=[theirs]),
        Batch(kind="batch", photos=[photo, theirs], style="great-wave"),
        Grid(kind="grid", photo=photo, styles=["great-wave", f"@{theirs}"]),
        Video(kind="video", film=theirs, style="great-wave"),
    ):
        with pytest.raises(NotFoundError):
            service.submit("ada", missing)
    with pytest.raises(UsageError, match=r"photo\.png is not a video"):
        service.submit("ada", Video(kind="video", film=photo, style="great-wave"))
    with pytest.raises(TooLargeError, match="limit of 3 for a batch"):
        service.submit("ada", Batch(kind="batch", photos=[photo] * 4, style="great-wave"))
    assert service.jobs("ada") == []


def test_no_more_jobs_wait_than_may_also_not_those_that_were_paused(service: Service, take: Take) -> None:
    ask = Picture(photo=take().id, style="great-wave")
    jobs = [service.submit("ada", ask) for _ in range(4)]
    with pytest.raises(BusyError, match="4 jobs per user") as refused:
        service.submit("ada", ask)
    assert refused.value.seconds > 0
    service.pause("ada", jobs[0].id)
    assert service.submit("ada", ask).status == "waiting"
    with pytest.raises(BusyError):
        service.resume("ada", jobs[0].id)
    service.cancel("ada", jobs[1].id)
    assert service.resume("ada", jobs[0].id).status == "waiting"


def test_a_job_that_the_first_version_stored_is_done(service: Service, take: Take, do: Do) -> None:
    stored = {
        "style": "great-wave", "method": "adain-lite", "settings": {}, "keep_color": "luminance", "size": 64,
        "kind": "picture", "photo": take().id, "masks": [], "depth": 8,
    }  # fmt: skip
    job = do(None, job=service.database.add_job("ada", "picture", "photo.png", stored, 4, 4))
    assert job.status == "done"
    recipe = dict(read_recipe(service.result("ada", job.id)[0]) or {})
    assert (recipe["keep_color"], recipe["keep_color_when"]) == ("luminance", "after")


def test_a_picture_s_options_are_those_of_its_request(service: Service, take: Take, do: Do) -> None:
    style = f"@{take('wave.jpg').id}"
    ask = Picture(photo=take().id, style=style, size=64, keep_color="luminance", keep_color_when="before")
    recipe = dict(read_recipe(service.result("ada", do(ask).id)[0]) or {})
    assert (recipe["keep_color"], recipe["keep_color_when"]) == ("luminance", "before")
    with pytest.raises(UsageError, match="keep_color_when: 'before' needs keep_color"):
        service.submit("ada", Picture(photo=ask.photo, style=style, keep_color_when="before"))


def test_a_preset_s_settings_are_in_the_job_and_in_the_recipe(service: Service, take: Take, do: Do) -> None:
    photo, wanted = take().id, preset_options("good", strength=0.5)
    ask: dict[str, Any] = {"style": "great-wave", "preset": "good", "settings": {"strength": 0.5}, "size": 64}
    job = do(Picture(photo=photo, **ask))
    assert (job.request["preset"], job.request["method"]) == ("good", "gatys")
    assert Gatys(**job.request["settings"]) == wanted
    recipe = dict(read_recipe(service.result("ada", job.id)[0]) or {})
    assert recipe["method"] == "gatys"
    assert Gatys(**recipe["settings"]) == wanted
    with pytest.raises(UsageError, match="preset good is of gatys, not of adain"):
        service.submit("ada", Picture(photo=photo, method="adain", **ask))


def test_a_picture_can_be_watched_as_it_develops(
    service: Service, take: Take, do: Do, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_worker, "SHOWN_SHARE", 1.0)
    seen = list[bytes]()

    def look(progress: Mapping[str, Any]) -> str:
        (folder,) = (service.files.job(job.id) for job in service.jobs("ada"))
        seen.append((folder / "preview.jpg").read_bytes())
        return ""

    job = do(Picture(photo=take().id, style="great-wave", preset="good", size=64), look)
    assert len(set(seen)) > job.progress["steps"] / 2


def test_a_job_takes_only_what_suits_its_state(service: Service, take: Take, do: Do) -> None:
    done = do(Picture(photo=take().id, style="great-wave", size=64))
    for action in (service.pause, service.cancel, service.resume):
        with pytest.raises(ConflictError, match="a job with status 'done'"):
            action("ada", done.id)
    waiting = service.submit("ada", Picture(photo=take().id, style="great-wave"))
    impossible: list[Callable[[str, str], Any]] = [service.resume, service.remove_job, service.result]
    for one in impossible:
        with pytest.raises(ConflictError, match="waiting"):
            one("ada", waiting.id)
    for one in [*impossible, service.pause, service.cancel, service.job]:
        with pytest.raises(NotFoundError):
            one("bob", done.id)
    service.remove_job("ada", done.id)
    assert not service.files.job(done.id).exists()
    with pytest.raises(NotFoundError):
        service.job("ada", done.id)


def test_a_picture_in_each_format_tells_how_it_was_made(service: Service, take: Take, do: Do) -> None:
    job = do(Picture(photo=take(called='a "boat" \\ of.mine.png').id, style="great-wave", size=96, depth=16))
    assert (job.status, job.message) == ("done", "")
    assert job.bytes >= (service.files.job(job.id) / "result.png").stat().st_size
    for form, suffix, kind in ((None, ".png", "PNG"), ("jpeg", ".jpg", "JPEG"), ("tiff", ".tif", "TIFF")):
        path, name, _ = service.result("ada", job.id, form)
        assert name == f"of.mine_great-wave{suffix}"
        with Image.open(path) as opened:
            assert (opened.format, opened.size) == (kind, (96, 72))
        recipe = dict(read_recipe(path) or {})
        assert recipe["method"] == "adain-lite"
        assert "of.mine.png" in json.dumps(recipe)
        assert str(service.files.root) not in json.dumps(recipe)
    with pytest.raises(UsageError, match="not available as mp4"):
        service.result("ada", job.id, "mp4")


def test_a_recipe_is_whole_whatever_its_photo_is_called(service: Service, take: Take, do: Do) -> None:
    name = '"},{"x": "é\'.png'
    job = do(Picture(photo=take(called=name).id, style=f"@{take('wave.jpg').id}", size=64))
    recipe = dict(read_recipe(service.result("ada", job.id)[0]) or {})
    assert recipe["content"]["name"] == name
    assert "wave.jpg" in str(recipe)


def test_regions_have_their_styles(service: Service, take: Take, do: Do, tmp_path: Path) -> None:
    half = Image.new("L", (160, 120))
    half.paste(255, (0, 0, 80, 120))
    half.save(tmp_path / "left.png")
    half.point(lambda value: 255 - value).save(tmp_path / "right.png")
    masks = [take(content=(tmp_path / f"{side}.png").read_bytes()).id for side in ("left", "right")]
    photo = take().id
    both = do(Picture(photo=photo, style="great-wave+feminine-wave", masks=masks, size=128))
    alone = [do(Picture(photo=photo, style=style, size=128)) for style in ("great-wave", "feminine-wave")]
    found, *ones = (picture(service.result("ada", job.id)[0]) for job in (both, *alone))
    for at, one in ((slice(0, 48), ones[0]), (slice(80, 128), ones[1])):
        other = ones[1] if one is ones[0] else ones[0]
        assert np.abs(found[:, at] - one[:, at]).mean() < 0.5 * np.abs(found[:, at] - other[:, at]).mean()


def test_a_film_keeps_its_frames(service: Service, take: Take, do: Do) -> None:
    job = do(Video(kind="video", film=take("film.mp4").id, style="great-wave", size=64))
    assert (job.status, job.progress["step"]) == ("done", 8)
    path, name, kind = service.result("ada", job.id)
    assert (name, kind) == ("film_great-wave.mp4", "video/mp4")
    assert len(list(open_film(path).frames())) == 8


def test_a_film_that_can_t_be_read_is_called_as_its_owner_calls_it(service: Service, take: Take, do: Do) -> None:
    film = take("film.mp4", called="my days.mp4")
    service.files.upload(film.id).write_bytes(b"nothing")
    job = do(Video(kind="video", film=film.id, style="great-wave", size=64))
    assert (job.status, job.message.partition(":")[0]) == ("failed", "my days.mp4")


def test_a_job_whose_time_is_up_waits_until_it_is_gone_on_with(service: Service, take: Take, do: Do) -> None:
    object.__setattr__(service.limits, "job_hours", 0.0)
    job = do(Picture(photo=take().id, style="great-wave", **GATYS))
    assert job.status == "paused"
    assert job.message == "paused after 0 hours, the maximum run time; you can resume this job"
    object.__setattr__(service.limits, "job_hours", 1.0)
    assert do(None, None, service.resume("ada", job.id)).status == "done"


def test_a_batch_is_a_zip_of_pictures_that_are_called_as_they_were(service: Service, take: Take, do: Do) -> None:
    photos = [take(called="a/b.png").id, take("wave.jpg", called="../b.jpg").id]
    job = do(Batch(kind="batch", photos=photos, style="great-wave", size=64))
    path, _, kind = service.result("ada", job.id)
    assert kind == "application/zip"
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["0001_b.png", "0002_b.png"]
        assert [picture(archive.read(name)).shape for name in archive.namelist()] == [(48, 64, 3), (64, 64, 3)]


def test_one_bad_photo_of_a_batch_is_told_and_the_others_are_made(service: Service, take: Take, do: Do) -> None:
    photos = [take(), take(called="bad.png"), take()]
    service.files.upload(photos[1].id).write_bytes(b"no picture any longer")
    job = do(Batch(kind="batch", photos=[photo.id for photo in photos], style="great-wave", size=64))
    assert job.status == "done"
    assert job.message.startswith("bad.png: is not in a supported format")
    with zipfile.ZipFile(service.result("ada", job.id)[0]) as archive:
        assert archive.namelist() == ["0001_photo.png", "0003_photo.png"]


def test_a_grid_has_a_picture_for_each_share(service: Service, take: Take, do: Do) -> None:
    job = do(Grid(kind="grid", photo=take().id, styles=["great-wave", "feminine-wave"], steps=3, size=64))
    assert job.status == "done"
    assert job.progress["share"] == 1
    height, width, _ = picture(service.result("ada", job.id)[0]).shape
    assert width >= 3 * 64
    assert height >= 48


def test_a_texture_tiles_and_tells_how_it_was_made(service: Service, take: Take, do: Do) -> None:
    ask = Texture(kind="texture", swatch=take("wave.jpg").id, width=120, height=80, block=24, seed=3)
    job = do(ask)
    assert (job.status, job.title) == ("done", "wave.jpg: texture of 120 × 80")
    path, name, kind = service.result("ada", job.id)
    assert (name, kind, picture(path).shape) == ("wave_texture-120-80.png", "image/png", (80, 120, 3))
    recipe = read_recipe(path)
    assert recipe is not None
    assert (recipe["method"], recipe["tileable"], recipe["settings"]["block"]) == ("quilt", True, 24)
    assert recipe["styles"][0]["name"] == "wave.jpg"


def test_a_texture_within_the_limits(service: Service, take: Take) -> None:
    swatch = take("wave.jpg").id
    with pytest.raises(TooLargeError, match="1000 x 1000 pixels are over the limit of 50,000"):
        service.submit("ada", Texture(kind="texture", swatch=swatch, width=1000, height=1000))
    with pytest.raises(UsageError, match="block: expected at least 4"):
        service.submit("ada", Texture(kind="texture", swatch=swatch, width=64, height=64, block=2))
    job = service.submit("ada", Texture(kind="texture", swatch=swatch, width=64, height=64))
    with pytest.raises(ConflictError):
        service.remove_upload("ada", swatch)
    assert service.cancel("ada", job.id).status == "canceled"


def test_a_job_has_a_thumbnail_as_soon_as_there_is_something(service: Service, take: Take, do: Do) -> None:
    photo = take().id
    waiting = service.submit("ada", Picture(photo=photo, style="great-wave", size=64))
    with pytest.raises(NotFoundError, match="no picture yet"):
        service.job_thumbnail("ada", waiting.id)
    seen = list[bytes]()

    def look(progress: Mapping[str, Any]) -> str:
        seen.append(service.job_thumbnail("ada", waiting.id))
        return ""

    job = do(None, look, waiting)
    made = service.job_thumbnail("ada", job.id)
    assert picture(made).shape == (48, 64, 3)
    assert seen
    assert service.job_thumbnail("ada", job.id) == made  # kept
    batch = do(Batch(kind="batch", photos=[photo], style="great-wave", size=64))
    assert picture(service.job_thumbnail("ada", batch.id)).shape == (48, 64, 3)
    with pytest.raises(NotFoundError):
        service.job_thumbnail("bob", job.id)


def test_a_series_shows_the_pictures_that_it_has(service: Service, take: Take, do: Do) -> None:
    photos = [take(called="boat.png"), take("wave.jpg", called="owl.jpg"), take(called="cup.png")]
    service.files.upload(photos[1].id).write_bytes(b"it was a picture")
    job = do(Batch(kind="batch", photos=[photo.id for photo in photos], style="great-wave", size=64))
    shown = service.series("ada", job.id)
    assert shown == [(1, photos[0].id, "boat.png"), (3, photos[2].id, "cup.png")]
    assert picture(service.series_picture("ada", job.id, 3)).shape == (48, 64, 3)
    with pytest.raises(NotFoundError, match="no picture 2"):
        service.series_picture("ada", job.id, 2)
    with pytest.raises(NotFoundError):
        service.series("bob", job.id)
    mosaic = picture(service.job_thumbnail("ada", job.id))
    assert mosaic.shape == (240, 320, 3)
    left, right = mosaic[:, :159], mosaic[:, 161:]
    assert np.abs(left - right).mean() < 4  # of the same photo, side by side
    assert left.std() > 10
    service.quota.forget(photos[2])
    assert service.series("ada", job.id)[-1] == (3, photos[2].id, "")


def test_what_is_canceled_while_it_is_optimized_is_kept_as_it_is(service: Service, take: Take, do: Do) -> None:
    ask = Picture(photo=take().id, style=f"@{take('wave.jpg').id}", **GATYS)
    job = do(ask, lambda progress: "cancel" if progress["step"] >= 4 else "")
    assert job.status == "stopped"
    assert 4 <= job.progress["step"] < 12
    path, _, _ = service.result("ada", job.id)
    assert picture(path).shape == (48, 64, 3)
    assert dict(read_recipe(path) or {})["stopped_early"] is True


def test_a_quick_picture_that_is_canceled_leaves_nothing(service: Service, take: Take) -> None:
    job = service.submit("ada", Picture(photo=take().id, style="great-wave"))
    service.cancel("ada", job.id)
    assert service.job("ada", job.id).status == "canceled"
    assert not service.files.job(job.id).exists()
    assert service.database.claim() is None


def test_what_was_paused_goes_on_to_the_same_picture(service: Service, take: Take, do: Do) -> None:
    settings = {**GATYS, "settings": {"steps": 24, "precision": "float32"}}
    ask = Picture(photo=take().id, style=f"@{take('wave.jpg').id}", **settings)
    whole = do(ask)
    paused = do(ask, lambda progress: "pause" if progress["step"] == 15 else "")
    assert paused.status == "paused"
    assert picture(service.live_preview("ada", paused.id)).shape == (48, 64, 3)
    told = list[int]()

    def listen(progress: Mapping[str, Any]) -> str:
        told.append(progress["step"])
        return ""

    job = do(ask, listen, service.resume("ada", paused.id))
    assert job.status == "done"
    assert told[0] > 10
    first, second = (picture(service.result("ada", identity)[0]) for identity in (whole.id, job.id))
    assert np.array_equal(first, second)


def test_a_batch_goes_on_with_the_next_photo(service: Service, take: Take, do: Do) -> None:
    ask = Batch(kind="batch", photos=[take().id for _ in range(3)], style="great-wave", size=64)
    paused = do(ask, lambda progress: "pause" if progress["done"] == 1 else "")
    made = service.files.job(paused.id) / "made" / "0001.png"
    assert paused.status == "paused"
    made.write_bytes(b"painted before")
    job = do(ask, None, service.resume("ada", paused.id))
    assert job.status == "done"
    with zipfile.ZipFile(service.files.job(job.id) / "result.zip") as archive:
        assert archive.read(archive.namelist()[0]) == b"painted before"


def test_a_batch_that_is_canceled_keeps_what_it_has(service: Service, take: Take, do: Do) -> None:
    ask = Batch(kind="batch", photos=[take().id for _ in range(3)], style="great-wave", size=64)
    job = do(ask, lambda progress: "cancel" if progress["done"] == 1 else "")
    assert job.status == "stopped"
    with zipfile.ZipFile(service.result("ada", job.id)[0]) as archive:
        assert 1 <= len(archive.namelist()) < 3


def test_a_job_that_fails_says_why_in_names_of_its_user_and_may_be_tried_again(
    service: Service, take: Take, do: Do
) -> None:
    photo = take(called="boat.png")
    path = service.files.upload(photo.id)
    content = path.read_bytes()
    path.write_bytes(content[:200])
    ask = Picture(photo=photo.id, style="great-wave", size=64)
    job = do(ask)
    assert job.status == "failed"
    assert job.message.startswith("boat.png: can't be read")
    assert str(service.files.root) not in job.message
    assert photo.id not in job.message
    path.write_bytes(content)
    again = do(ask, None, service.resume("ada", job.id))
    assert (again.status, again.message, again.tries) == ("done", "", 2)


def test_a_result_over_the_limit_of_pixels_is_refused_in_plain_words(service: Service, take: Take) -> None:
    with pytest.raises(TooLargeError, match="400 x 300 pixels are over the limit of 50,000"):
        service.submit("ada", Picture(photo=take().id, style="great-wave", size=400))


def test_what_nobody_foresaw_fails_a_job_and_not_the_worker(
    service: Service, take: Take, do: Do, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error, words in ((RuntimeError("inside"), "internal error; see the log"), (MemoryError(), "not enough memory")):

        def fail(self: Work, ask: Any, error: BaseException = error) -> Any:
            raise error

        monkeypatch.setattr(Work, "_picture", fail)
        job = do(Picture(photo=take().id, style="great-wave"))
        assert job.status == "failed"
        assert words in job.message
        assert "inside" not in job.message
