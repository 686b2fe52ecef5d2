"""What references mean, and that none means another file."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from brushwork.errors import UsageError
from brushwork.studio.errors import NotFoundError
from brushwork.studio.storage import Storage, default_folder, folder_bytes
from brushwork.studio.store import Store
from brushwork.studio.users import LOCAL
from brushwork.styles.library import add_style

ADAS, BOBS = "a" * 32, "b" * 32


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BRUSHWORK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def places(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "studio")


@pytest.fixture
def store(places: Storage) -> Store:
    store = places.store()
    store.add_upload(ADAS, "ada", "picture", "wave.jpg", 10, {})
    store.add_upload(BOBS, "bob", "picture", "sea.jpg", 10, {})
    return store


def test_the_folder_lies_beside_the_user_s_styles_and_is_its_owner_s_only(places: Storage, home: Path) -> None:
    assert default_folder() == home / "studio"
    for folder in (places.root, places.uploads, places.jobs, places.swatches):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_style_is_a_name_or_a_picture_or_a_blend_of_both(places: Storage, store: Store) -> None:
    (named,) = places.parts("great-wave", "ada", store)
    assert (named.stem, named.weight) == ("great-wave", 1.0)
    (sent,) = places.parts(f"@{ADAS}", "ada", store)
    assert sent.reference == str(places.uploads / ADAS)
    blend = places.parts(f"great-wave:0.7 + @{ADAS}:0.3+feminine-wave", "ada", store)
    assert [part.weight for part in blend] == [0.7, 0.3, 1.0]
    assert Path(blend[2].reference).stem == "feminine-wave"


@pytest.mark.parametrize(
    "style",
    [
        "/etc/passwd", "../x", "@../..", "@../uploads/" + ADAS, "great-wave.safetensors", "", "+", "great-wave+", "@",
        f"@{ADAS}.jpg", f"@{ADAS}/", f"{ADAS}/../x", "great-wave:-1", "great-wave:nan", "great-wave:1e3",
        "great-wave:0", "great-wave:0+feminine-wave:0", "great wave", "great-wave\n", "@" + "A" * 32, "file://x", "~",
        "great-wave:1:2", "great-wave\0", "@local",
    ],
)  # fmt: skip
def test_a_style_is_never_a_file_of_the_server(style: str, places: Storage, store: Store) -> None:
    if style == "great-wave\n":  # blanks around a name are nothing
        assert places.parts(style, "ada", store)
        return
    with pytest.raises(UsageError):
        places.parts(style, "ada", store)


@pytest.mark.parametrize("style", ["no-such-style", "passwd", f"@{BOBS}", "@" + "c" * 32, f"great-wave+@{BOBS}"])
def test_a_style_of_others_is_not_there(style: str, places: Storage, store: Store) -> None:
    with pytest.raises(NotFoundError):
        places.parts(style, "ada", store)


def test_a_user_s_styles_are_that_user_s(places: Storage, store: Store, samples: Path) -> None:
    add_style(samples / "wave.jpg", "mine", places.styles_folder("ada"))
    assert places.parts("mine", "ada", store)[0].reference.startswith(str(places.root / "users" / "ada"))
    with pytest.raises(NotFoundError):
        places.parts("mine", "bob", store)
    with pytest.raises(NotFoundError):
        places.parts("mine", LOCAL, store)


def test_who_needs_no_login_has_the_styles_of_the_command(places: Storage, store: Store, samples: Path) -> None:
    add_style(samples / "wave.jpg", "mine")
    assert places.styles(LOCAL)["mine"].own
    assert "mine" not in places.styles("ada")


def test_messages_name_files_as_their_owners_do_and_no_folder(places: Storage, store: Store, home: Path) -> None:
    style = places.parts("great-wave", "ada", store)[0].reference
    said = f"{places.upload(ADAS)} and {style}, {places.root}/jobs/x and {home}/weights/vgg19.safetensors"
    assert places.plain(said, "ada", store) == "wave.jpg and great-wave, jobs/x and weights/vgg19.safetensors"
    assert "wave.jpg" not in places.plain(said, "bob", store)


def test_one_studio_has_a_folder_at_a_time(places: Storage) -> None:
    program = (
        "import sys, pathlib\nfrom brushwork.studio.storage import Storage\n"
        "held = Storage(pathlib.Path(sys.argv[1])).claim()\nprint('held', flush=True)\nsys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(places.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match=r"a studio is already running in"):
            places.claim()
        other.kill()
    places.claim().release()
    places.claim().release()


def test_the_size_of_a_folder_is_that_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "one").write_bytes(b"123")
    (tmp_path / "a" / "b" / "two").write_bytes(b"12345")
    assert folder_bytes(tmp_path / "a") == 8
    assert folder_bytes(tmp_path / "none") == 0


def test_a_folder_that_isn_t_there_is_made(tmp_path: Path) -> None:
    places = Storage(tmp_path / "a" / "b")
    Image.new("RGB", (4, 4)).save(places.upload(ADAS), "PNG")
    assert [path.name for path in places.uploads.iterdir()] == [ADAS]
