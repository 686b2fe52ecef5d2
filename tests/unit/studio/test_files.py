"""What references mean, and that none means another file."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from brushwork.errors import UsageError
from brushwork.studio.database import Database
from brushwork.studio.errors import NotFoundError
from brushwork.studio.files import StudioFiles, default_folder, folder_bytes
from brushwork.studio.users import LOCAL
from brushwork.styles.library import add_style

ADAS, BOBS = "a" * 32, "b" * 32


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BRUSHWORK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def files(tmp_path: Path) -> StudioFiles:
    return StudioFiles(tmp_path / "studio")


@pytest.fixture
def database(files: StudioFiles) -> Database:
    database = files.database()
    database.add_upload(ADAS, "ada", "picture", "wave.jpg", 10, {})
    database.add_upload(BOBS, "bob", "picture", "sea.jpg", 10, {})
    return database


def test_the_folder_lies_beside_the_user_s_styles_and_is_its_owner_s_only(files: StudioFiles, home: Path) -> None:
    assert default_folder() == home / "studio"
    for folder in (files.root, files.uploads, files.jobs, files.swatches):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_style_is_a_name_or_a_picture_or_a_blend_of_both(files: StudioFiles, database: Database) -> None:
    (named,) = files.parts("great-wave", "ada", database)
    assert (named.stem, named.weight) == ("great-wave", 1.0)
    (sent,) = files.parts(f"@{ADAS}", "ada", database)
    assert sent.reference == str(files.uploads / ADAS)
    blend = files.parts(f"great-wave:0.7 + @{ADAS}:0.3+feminine-wave", "ada", database)
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
def test_a_style_is_never_a_file_of_the_server(style: str, files: StudioFiles, database: Database) -> None:
    if style == "great-wave\n":  # blanks around a name are nothing
        assert files.parts(style, "ada", database)
        return
    with pytest.raises(UsageError):
        files.parts(style, "ada", database)


@pytest.mark.parametrize("style", ["no-such-style", "passwd", f"@{BOBS}", "@" + "c" * 32, f"great-wave+@{BOBS}"])
def test_a_style_of_others_is_not_there(style: str, files: StudioFiles, database: Database) -> None:
    with pytest.raises(NotFoundError):
        files.parts(style, "ada", database)


def test_a_user_s_styles_are_that_user_s(files: StudioFiles, database: Database, samples: Path) -> None:
    add_style(samples / "wave.jpg", "mine", files.styles_folder("ada"))
    assert files.parts("mine", "ada", database)[0].reference.startswith(str(files.root / "users" / "ada"))
    with pytest.raises(NotFoundError):
        files.parts("mine", "bob", database)
    with pytest.raises(NotFoundError):
        files.parts("mine", LOCAL, database)


def test_who_needs_no_login_has_the_styles_of_the_command(
    files: StudioFiles, database: Database, samples: Path
) -> None:
    add_style(samples / "wave.jpg", "mine")
    assert files.styles(LOCAL)["mine"].own
    assert "mine" not in files.styles("ada")


def test_messages_name_files_as_their_owners_do_and_no_folder(
    files: StudioFiles, database: Database, home: Path
) -> None:
    style = files.parts("great-wave", "ada", database)[0].reference
    said = f"{files.upload(ADAS)} and {style}, {files.root}/jobs/x and {home}/weights/vgg19.safetensors"
    assert files.plain(said, "ada", database) == "wave.jpg and great-wave, jobs/x and weights/vgg19.safetensors"
    assert "wave.jpg" not in files.plain(said, "bob", database)


def test_one_studio_has_a_folder_at_a_time(files: StudioFiles) -> None:
    program = (
        "import sys, pathlib\nfrom brushwork.studio.files import StudioFiles\n"
        "held = StudioFiles(pathlib.Path(sys.argv[1])).claim()\nprint('held', flush=True)\nsys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(files.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match=r"a studio is already running in"):
            files.claim()
        other.kill()
    files.claim().release()
    files.claim().release()


def test_the_size_of_a_folder_is_that_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "one").write_bytes(b"123")
    (tmp_path / "a" / "b" / "two").write_bytes(b"12345")
    assert folder_bytes(tmp_path / "a") == 8
    assert folder_bytes(tmp_path / "none") == 0


def test_a_folder_that_isn_t_there_is_made(tmp_path: Path) -> None:
    files = StudioFiles(tmp_path / "a" / "b")
    Image.new("RGB", (4, 4)).save(files.upload(ADAS), "PNG")
    assert [path.name for path in files.uploads.iterdir()] == [ADAS]
