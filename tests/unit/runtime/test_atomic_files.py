from __future__ import annotations

from pathlib import Path

import pytest

from brushwork.runtime.atomic_files import real_path, remove_remains, replacing, write_whole


def test_the_file_is_replaced_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
        assert Path(file.name).parent == tmp_path  # a rename works only within one disk
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_after_an_error_the_old_file_stays_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as file:
        file.write(b"half" * (1 // 0))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "gone" / "a.json", b"new")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    path, link = tmp_path / "inner" / "a.json", tmp_path / "link"
    link.symlink_to(path)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert real_path(link) == path.resolve()
    assert [child.name for child in (tmp_path / "inner").iterdir()] == ["a.json"]


def test_permissions_are_kept_or_private(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.touch()
    path.chmod(0o640)
    write_whole(path, b"new")
    assert path.stat().st_mode & 0o777 == 0o640
    with replacing(path, private=True) as file:
        file.write(b"newer")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["a[1].checkpoint", "ä" * 127])
def test_names_of_any_length_and_the_remains_of_killed_processes(name: str, tmp_path: Path) -> None:
    path, other = tmp_path / name, tmp_path / ".other.1234.tmp"
    other.touch()
    with replacing(path) as file:
        remains = Path(file.name)
        file.write(b"whole")
    assert path.read_bytes() == b"whole"
    remains.touch()
    remove_remains(path)
    assert sorted(tmp_path.iterdir()) == sorted([path, other])
