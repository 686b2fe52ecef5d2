from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from brushwork.errors import BrushworkError
from brushwork.runtime.locking import locked

HOLD = "import sys; from brushwork.runtime.locking import locked; from pathlib import Path\n"
HOLD += "with locked(Path('a.parts'), Path('a.mp4')): print('held', flush=True); sys.stdin.read()"


def holder(folder: Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", HOLD], cwd=folder, stdin=pipe, stdout=pipe, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize("killed", [True, False])
def test_another_process_is_told_and_its_end_frees_the_place(tmp_path: Path, killed: bool) -> None:
    with holder(tmp_path) as process:
        lock = locked(tmp_path / "a.parts", tmp_path / "a.mp4")
        with pytest.raises(BrushworkError, match=r"another brushwork process is working on .*a\.mp4"), lock:
            pass
        if killed:
            process.kill()
        process.communicate("")
    with locked(tmp_path / "a.parts"):
        pass
    assert not any(tmp_path.iterdir())


def test_its_own_thread_may_enter_again_and_no_other(tmp_path: Path) -> None:
    refused: list[BrushworkError] = []

    def enter() -> None:
        try:
            with locked(tmp_path / "a"):
                pass
        except BrushworkError as error:
            refused.append(error)

    with locked(tmp_path / "a"):
        with locked(tmp_path / "a"):
            pass
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        assert len(refused) == 1
    enter()
    assert len(refused) == 1
    assert not any(tmp_path.iterdir())


def test_where_no_lock_can_be_made_the_work_goes_on(tmp_path: Path) -> None:
    with locked(tmp_path / "nowhere" / "a"), locked(None):
        pass
