"""What the studio does for its users; its workers' work is done in this process here."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from brushwork import read_recipe
from brushwork.errors import BrushworkError, UsageError
from brushwork.io.film_files import open_film
from brushwork.studio import job_work
from brushwork.studio.asks import Batch, Grid, NewStyle, Picture, Preview, Video
from brushwork.studio.faults import BusyError, NotNowError, NotThereError, TooLargeError
from brushwork.studio.job_work import Work
from brushwork.studio.limits import Limits
from brushwork.studio.places import Places
from brushwork.studio.quick_work import FUNCTIONS
from brushwork.studio.service import Service
from brushwork.studio.store import Job, Upload

Film = Callable[[Path, int], Path]
Take = Callable[..., Upload]
Do = Callable[..., Job]
GATYS: dict[str, Any] = {"method": "gatys", "settings": {"steps": 12, "precision": "float32"}, "size": 64}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRUSHWORK_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(job_work, "TOLD_EVERY", 0)


def studio(folder: Path, **limits: Any) -> Service:
    def call(function: str, /, **arguments: Any) -> Any:
        try:
            return FUNCTIONS[function](**arguments)
        except BrushworkError as error:
            raise UsageError(str(error)) from None

    service = Service(Places(folder), Limits(**limits))
    service.quick.call = call  # type: ignore[method-assign]
    return service


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return studio(tmp_path / "studio", upload_mb=1, megapixels=0.05, video_seconds=2, batch=3, jobs=4, previews=2)


@pytest.fixture
def take(service: Service, samples: Path) -> Take:
    def take(name: str = "photo.png", user: str = "ada", content: bytes | None = None, called: str = "") -> Upload:
        sent = service.places.root / ".sent-1"
        sent.write_bytes((samples / name).read_bytes() if content is None else content)
        return service.take(user, sent, called or name)

    return take


@pytest.fixture
def do(service: Service) -> Do:
    """Submit a job and do it; what it is told at each step may be answered with a wish."""

    def do(ask: Any, wish: Callable[[Mapping[str, Any]], str] | None = None, job: Job | None = None) -> Job:
        job = job or service.submit("ada", ask)
        claimed, tell = service.store.claim(), service.store.tell
        assert claimed is not None
        assert claimed.id == job.id

        def told(identity: str, progress: Mapping[str, Any]) -> None:
            tell(identity, progress)
            if wish is not None and wish(progress):
                service.store.want(identity, wish(progress))

        service.store.tell = told  # type: ignore[method-assign]
        Work(claimed, service.places, service.store, 50_000, 2).run()
        service.store.tell = tell  # type: ignore[method-assign]
        return service.job("ada", job.id)

    return do


def picture(content: bytes | Path) -> np.ndarray:
    with Image.open(io.BytesIO(content) if isinstance(content, bytes) else content) as opened:
        return np.asarray(opened.convert("RGB")).astype(float)


def left_over(service: Service) -> list[str]:
    known = {"uploads", "jobs", "swatches"}
    return [path.name for path in service.places.root.iterdir() if path.name[:6] != "studio" and path.name not in known]


def test_what_is_sent_is_known_by_its_content(take: Take) -> None:
    photo, film = take("photo.png", called="film.mp4"), take("film.mp4", called="photo.png")
    assert (photo.kind, photo.facts) == ("picture", {"width": 160, "height": 120})
    assert (film.kind, film.facts) == ("film", {"width": 96, "height": 64, "frames": 8, "seconds": 1.0})


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
    assert service.places.upload(upload.id).parent == service.places.uploads
    assert service.upload("ada", upload.id) == upload


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", "isn't a picture"),
        (b"x" * 1_000_001, "1 MB"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(content: bytes, words: str, take: Take, service: Service) -> None:
    with pytest.raises(BrushworkError, match=words) as refused:
        take(content=content, called="boat.png")
    assert str(service.places.root) not in str(refused.value)
    assert service.store.uploads("ada") == []
    assert list(service.places.uploads.iterdir()) == []
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
    size = (samples / "photo.png").stat().st_size
    uploads = [take() for _ in range(3)]
    service.submit("ada", Picture(photo=uploads[0].id, style="great-wave"))
    object.__setattr__(service.limits, "storage_gb", 3.5 * size / 1e9)
    uploads.append(take())
    assert [upload.id for upload in service.store.uploads("ada")] == [uploads[k].id for k in (0, 2, 3)]
    assert take(user="bob")  # who has room of his own
    object.__setattr__(service.limits, "storage_gb", 0.5 * size / 1e9)
    with pytest.raises(TooLargeError, match="fill the"):
        take()


def test_a_file_that_is_refused_drives_out_no_other(service: Service, take: Take, samples: Path) -> None:
    kept = take()
    object.__setattr__(service.limits, "storage_gb", 1.5 * kept.bytes / 1e9)
    with pytest.raises(UsageError):
        take(content=b"x" * kept.bytes)
    assert service.store.uploads("ada") == [kept]


def test_a_file_that_a_job_needs_isn_t_deleted(service: Service, take: Take, do: Do) -> None:
    photo, painting = take(), take("wave.jpg")
    job = service.submit("ada", Picture(photo=photo.id, style=f"great-wave:0.5+@{painting.id}:0.5", size=64))
    for upload in (photo, painting):
        with pytest.raises(NotNowError, match="needs this file"):
            service.remove_upload("ada", upload.id)
    service.cancel("ada", job.id)
    service.thumbnail("ada", photo.id)
    for upload in (photo, painting):
        service.remove_upload("ada", upload.id)
    assert list(service.places.uploads.iterdir()) == []


def test_thumbnails_are_made_here_and_hold_nothing_of_what_was_sent(service: Service, take: Take) -> None:
    photo = take("wave.jpg", content=None)
    path = service.places.upload(photo.id)
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
    quick = service.preview("ada", Preview(**ask, settings={"style_scale": 0.5}))
    assert slow == quick


def test_no_more_previews_than_may_wait(service: Service, take: Take) -> None:
    ask = Preview(photo=take().id, style="great-wave", size=64)
    with service._previews, service._previews, pytest.raises(BusyError, match="2 previews wait already"):
        service.preview("ada", ask)
    assert service.preview("ada", ask)


def test_a_film_s_preview_shows_frames_above_each_other(service: Service, take: Take) -> None:
    film = take("film.mp4")
    shown = picture(service.film_preview("ada", Video(kind="video", film=film.id, style="great-wave"), size=96))
    assert shown.shape == (128, 3 * 96, 3)
    assert np.abs(shown[:64] - shown[64:]).mean() > 20


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"keep_color": "cholesky"}, "great-wave holds only its statistics"),
        ({"method": "microast"}, "style great-wave is one for"),
        ({"method": "adain", "settings": {"network": "vgg19.normalised"}}, "not on this machine"),
    ],
)
def test_what_can_t_be_painted_is_refused_without_a_path(
    wishes: dict[str, Any], words: str, service: Service, take: Take
) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        service.preview("ada", Preview(photo=take().id, style="great-wave", size=64, **wishes))
    assert "/" not in str(refused.value).replace("https://", "").split("elsewhere")[-1]


def test_a_style_of_one_s_own_is_painted_with_and_taken_away(service: Service, take: Take) -> None:
    style = service.add_style("ada", NewStyle(picture=take("wave.jpg").id, name="mine", title="Mine"))
    assert (style.own, style.about["title"]) == (True, "Mine")
    first = service.swatch("ada", "mine")
    assert picture(first).shape == (96, 96, 3)
    assert service.preview("ada", Preview(photo=take().id, style="mine", size=64))
    with pytest.raises(UsageError, match="there is a style mine already"):
        service.add_style("ada", NewStyle(picture=take().id, name="mine"))
    service.remove_style("ada", "mine")
    with pytest.raises(NotThereError):
        service.swatch("ada", "mine")
    service.add_style("ada", NewStyle(picture=take("photo.png").id, name="mine"))
    assert service.swatch("ada", "mine") != first


def test_a_style_that_comes_with_brushwork_stays(service: Service) -> None:
    with pytest.raises(UsageError, match="it comes with brushwork"):
        service.remove_style("ada", "great-wave")
    assert picture(service.swatch("ada", "great-wave")).shape[2] == 3


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
        with pytest.raises(NotThereError):
            service.submit("ada", missing)
    with pytest.raises(UsageError, match=r"photo\.png is no film"):
        service.submit("ada", Video(kind="video", film=photo, style="great-wave"))
    with pytest.raises(TooLargeError, match="limit of 3 for a batch"):
        service.submit("ada", Batch(kind="batch", photos=[photo] * 4, style="great-wave"))
    assert service.jobs("ada") == []


def test_no_more_jobs_wait_than_may_also_not_those_that_were_paused(service: Service, take: Take) -> None:
    ask = Picture(photo=take().id, style="great-wave")
    jobs = [service.submit("ada", ask) for _ in range(4)]
    with pytest.raises(BusyError, match="4 jobs of yours") as refused:
        service.submit("ada", ask)
    assert refused.value.seconds > 0
    service.pause("ada", jobs[0].id)
    assert service.submit("ada", ask).status == "waiting"
    with pytest.raises(BusyError):
        service.resume("ada", jobs[0].id)
    service.cancel("ada", jobs[1].id)
    assert service.resume("ada", jobs[0].id).status == "waiting"


def test_a_job_takes_only_what_suits_its_state(service: Service, take: Take, do: Do) -> None:
    done = do(Picture(photo=take().id, style="great-wave", size=64))
    for action in (service.pause, service.cancel, service.resume):
        with pytest.raises(NotNowError, match="a job that is done can't be"):
            action("ada", done.id)
    waiting = service.submit("ada", Picture(photo=take().id, style="great-wave"))
    impossible: list[Callable[[str, str], Any]] = [service.resume, service.remove_job, service.result]
    for one in impossible:
        with pytest.raises(NotNowError, match="waiting"):
            one("ada", waiting.id)
    for one in [*impossible, service.pause, service.cancel, service.job]:
        with pytest.raises(NotThereError):
            one("bob", done.id)
    service.remove_job("ada", done.id)
    assert not service.places.job(done.id).exists()
    with pytest.raises(NotThereError):
        service.job("ada", done.id)


def test_a_picture_in_each_format_tells_how_it_was_made(service: Service, take: Take, do: Do) -> None:
    job = do(Picture(photo=take(called='a "boat" \\ of.mine.png').id, style="great-wave", size=96, depth=16))
    assert (job.status, job.message) == ("done", "")
    assert job.bytes >= (service.places.job(job.id) / "result.png").stat().st_size
    for form, suffix, kind in ((None, ".png", "PNG"), ("jpeg", ".jpg", "JPEG"), ("tiff", ".tif", "TIFF")):
        path, name, _ = service.result("ada", job.id, form)
        assert name == f"of.mine_great-wave{suffix}"
        with Image.open(path) as opened:
            assert (opened.format, opened.size) == (kind, (96, 72))
        recipe = json.loads(read_recipe(path) or "")
        assert recipe["method"] == "adain-lite"
        assert "of.mine.png" in json.dumps(recipe)
        assert str(service.places.root) not in json.dumps(recipe)
    with pytest.raises(UsageError, match="isn't made as mp4"):
        service.result("ada", job.id, "mp4")


def test_a_recipe_is_whole_whatever_its_photo_is_called(service: Service, take: Take, do: Do) -> None:
    name = '"},{"x": "é\'.png'
    job = do(Picture(photo=take(called=name).id, style=f"@{take('wave.jpg').id}", size=64))
    recipe = json.loads(read_recipe(service.result("ada", job.id)[0]) or "")
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
    service.places.upload(photos[1].id).write_bytes(b"no picture any longer")
    job = do(Batch(kind="batch", photos=[photo.id for photo in photos], style="great-wave", size=64))
    assert job.status == "done"
    assert job.message.startswith("bad.png: isn't a picture")
    with zipfile.ZipFile(service.result("ada", job.id)[0]) as archive:
        assert archive.namelist() == ["0001_photo.png", "0003_photo.png"]


def test_a_grid_has_a_picture_for_each_share(service: Service, take: Take, do: Do) -> None:
    job = do(Grid(kind="grid", photo=take().id, styles=["great-wave", "feminine-wave"], steps=3, size=64))
    assert job.status == "done"
    assert job.progress["share"] == 1
    height, width, _ = picture(service.result("ada", job.id)[0]).shape
    assert width >= 3 * 64
    assert height >= 48


def test_what_is_canceled_while_it_is_optimized_is_kept_as_it_is(service: Service, take: Take, do: Do) -> None:
    ask = Picture(photo=take().id, style=f"@{take('wave.jpg').id}", **GATYS)
    job = do(ask, lambda progress: "cancel" if progress["step"] >= 4 else "")
    assert job.status == "stopped"
    assert 4 <= job.progress["step"] < 12
    path, _, _ = service.result("ada", job.id)
    assert picture(path).shape == (48, 64, 3)
    assert json.loads(read_recipe(path) or "")["stopped_early"] is True


def test_a_quick_picture_that_is_canceled_leaves_nothing(service: Service, take: Take) -> None:
    job = service.submit("ada", Picture(photo=take().id, style="great-wave"))
    service.cancel("ada", job.id)
    assert service.job("ada", job.id).status == "canceled"
    assert not service.places.job(job.id).exists()
    assert service.store.claim() is None


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
    made = service.places.job(paused.id) / "made" / "0001.png"
    assert paused.status == "paused"
    made.write_bytes(b"painted before")
    job = do(ask, None, service.resume("ada", paused.id))
    assert job.status == "done"
    with zipfile.ZipFile(service.places.job(job.id) / "result.zip") as archive:
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
    path = service.places.upload(photo.id)
    content = path.read_bytes()
    path.write_bytes(content[:200])
    ask = Picture(photo=photo.id, style="great-wave", size=64)
    job = do(ask)
    assert job.status == "failed"
    assert job.message.startswith("boat.png: can't be read")
    assert str(service.places.root) not in job.message
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
    for error, words in ((RuntimeError("inside"), "a reason that the log tells"), (MemoryError(), "not enough memory")):

        def fail(self: Work, error: BaseException = error) -> Any:
            raise error

        monkeypatch.setattr(Work, "_picture", fail)
        job = do(Picture(photo=take().id, style="great-wave"))
        assert job.status == "failed"
        assert words in job.message
        assert "inside" not in job.message


def test_what_is_too_old_is_deleted_but_nothing_that_is_needed(service: Service, take: Take, do: Do) -> None:
    old, done, needed = take(), do(Picture(photo=take().id, style="great-wave", size=64)), take()
    job = service.submit("ada", Picture(photo=needed.id, style="great-wave"))
    service.room.sweep()
    assert len(service.store.uploads("ada")) == 3
    object.__setattr__(service.limits, "keep_days", 1e-9)
    time.sleep(0.01)
    service.room.sweep()
    assert [upload.id for upload in service.store.uploads("ada")] == [needed.id]
    assert [found.id for found in service.jobs("ada")] == [job.id]
    assert not service.places.job(done.id).exists()
    assert not service.places.upload(old.id).exists()


def test_what_a_crash_left_is_swept_away_after_a_while(service: Service, take: Take, do: Do) -> None:
    done = do(Picture(photo=take().id, style="great-wave", size=64))
    root, long_ago = service.places.root, time.time() - 3600
    left = [root / ".sent-abc", service.places.job("0" * 32), root / ".masks-abc"]
    fresh = root / ".sent-def"
    for path in (left[0], fresh):
        path.write_bytes(b"half a file")
    for path in left[1:]:
        path.mkdir()
    for path in [*left, service.places.job(done.id)]:
        os.utime(path, (long_ago, long_ago))
    service.room.sweep()
    assert not any(path.exists() for path in left)
    assert fresh.exists()
    assert service.result("ada", done.id)[0].exists()


def test_masks_are_made_of_what_is_painted(service: Service, tmp_path: Path) -> None:
    drawn = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    drawn.paste((250, 10, 10, 255), (0, 0, 10, 20))
    drawn.save(tmp_path / "drawn.png")
    ids = service.masks("ada", tmp_path / "drawn.png", [(255, 0, 0), (0, 0, 255)])
    shares = [picture(service.places.upload(identity)).mean() / 255 for identity in ids]
    assert shares == pytest.approx([0.25, 0, 0.75])
    assert left_over(service) == []


def test_room_that_is_used_is_told(service: Service, take: Take, do: Do) -> None:
    photo = take()
    assert service.room.used("ada") == photo.bytes
    job = do(Picture(photo=photo.id, style="great-wave", size=64))
    assert service.room.used("ada") == photo.bytes + job.bytes
    assert service.room.used("bob") == 0
