"""The plug-in for GIMP 3, on an imitation of its interface and with the real command."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from gimp_stub import Combo, Config, Gi, Procedure, Widget
from PIL import Image
from skimage import data

ROOT = Path(__file__).parents[2]
FILE = ROOT / "integrations" / "gimp" / "brushwork_stylize.py"


@pytest.fixture
def gi(monkeypatch: pytest.MonkeyPatch) -> Gi:
    stub = Gi()
    for name, module in stub.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return stub


@pytest.fixture
def plug_in(gi: Gi) -> ModuleType:
    spec = importlib.util.spec_from_file_location("brushwork_stylize", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in PATH, without the command; HOME has none either."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BRUSHWORK_HOME", str(tmp_path / "home"))
    return folder


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!{sys.executable}\n{text}\n")
    path.chmod(0o755)
    return path


def brushwork(folder: Path, module: str = "brushwork") -> Path:
    """The command, as pip installs it: the plug-in hides PYTHONPATH from it."""
    source = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})"
    name, where = ("brushwork", "brushwork.__main__") if module == "brushwork" else ("brushwork-lite", module)
    return program(folder / name, f"{source}\nfrom {where} import main\nmain()")


def photo(gi: Gi) -> tuple[Any, Any]:
    """An image of GIMP with a layer of its own size, transparent at the left, with mask and opacity."""
    gimp = sys.modules["gi.repository"].Gimp
    image = gimp.Image(200, 160)
    pixels = Image.fromarray(data.chelsea()).resize((96, 64)).convert("RGBA")
    pixels.putalpha(Image.fromarray(np.repeat(np.linspace(0, 255, 96).astype(np.uint8)[None], 64, 0)))
    layer = gimp.Layer(image, pixels, "cat")
    layer.offsets, layer.opacity, layer.mask = (30, 20), 40.0, "mask"
    image.insert_layer(gimp.Layer(image, Image.new("RGBA", (200, 160)), "above"), None, 0)
    image.insert_layer(layer, None, 1)
    return image, layer


def run(plug_in: ModuleType, image: Any, layers: list[Any], mode: str = "NONINTERACTIVE", **values: Any) -> Any:
    procedure = plug_in.Brushwork().do_create_procedure(plug_in.PROCEDURE)
    config = Config(procedure.values | {name.replace("_", "-"): value for name, value in values.items()})
    return plug_in.Brushwork().run(procedure, getattr(plug_in.Gimp.RunMode, mode), image, layers, config, None)


def test_gimp_finds_one_procedure_in_the_menu(plug_in: ModuleType) -> None:
    found = plug_in.Brushwork()
    assert found.do_query_procedures() == [plug_in.PROCEDURE]
    procedure: Procedure = found.do_create_procedure(plug_in.PROCEDURE)
    assert procedure.menus == ["<Image>/Filters/Artistic"]
    assert procedure.choices["finish"] == ["draft", "good"]
    assert os.access(FILE, os.X_OK)


@pytest.mark.parametrize("module", [pytest.param("brushwork", marks=pytest.mark.slow), "brushwork.cli.lite"])
def test_the_result_is_a_layer_at_the_same_place(gi: Gi, plug_in: ModuleType, programs: Path, module: str) -> None:
    brushwork(programs, module)
    image, layer = photo(gi)
    status, message = run(plug_in, image, [layer], strength=0.9, stroke_size=0.8, colors="cholesky")
    assert (status.name, message) == ("SUCCESS", "")
    above, result, below = image.layers
    assert (above.name, below) == ("above", layer)
    assert result.name == "cat, great-wave"
    assert (result.pixels.size, result.offsets) == (layer.pixels.size, layer.offsets)
    assert (result.opacity, result.mask) == (100, None)
    before, after = np.asarray(layer.pixels, int), np.asarray(result.pixels, int)
    assert np.array_equal(before[..., 3], after[..., 3])
    assert np.abs(before - after)[..., :3].mean() > 10
    assert (image.undo, image.groups) == (0, 1)
    assert all(other.deleted for other in gi.images if other is not image)
    assert gi.progress == ["Painting cat after great-wave", "end"]


def test_a_selection_becomes_the_mask(gi: Gi, plug_in: ModuleType, programs: Path) -> None:
    program(programs / "brushwork", "import shutil, sys; shutil.copy(sys.argv[2], sys.argv[6])")
    image, layer = photo(gi)
    image.selection = "selection"
    assert run(plug_in, image, [layer])[0].name == "SUCCESS"
    assert image.layers[1].mask == "selection"


def test_the_dialog_lists_styles_and_takes_a_painting(gi: Gi, plug_in: ModuleType, programs: Path) -> None:
    brushwork(programs)
    shown: list[Widget] = []

    def no(dialog: Widget) -> bool:
        shown.append(dialog)
        return False

    gi.agree = no
    image, layer = photo(gi)
    assert run(plug_in, image, [layer], "INTERACTIVE")[0].name == "CANCEL"
    assert len(image.layers) == 2
    (row,) = shown[0].children
    names = next(child for child in row.children if isinstance(child, Combo))
    assert "great-wave" in names.names
    assert len(names.names) == 88
    chooser = row.children[-1]
    chooser.get_filename = lambda: "/paintings/storm.jpg"
    chooser.signals["file-set"](chooser)
    assert shown[0].properties["config"].values["style"] == "/paintings/storm.jpg"


def test_cancel_ends_the_command_and_leaves_nothing(
    gi: Gi, plug_in: ModuleType, programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    started = tmp_path / "started"
    slow = f"import os, pathlib, time; pathlib.Path({str(started)!r}).write_text(str(os.getpid())); time.sleep(600)"
    program(programs / "brushwork", slow)
    gi.while_working = lambda window: started.exists() and window.signals["response"](window, -6)
    image, layer = photo(gi)
    before = time.monotonic()
    assert run(plug_in, image, [layer], "WITH_LAST_VALS")[0].name == "CANCEL"
    assert time.monotonic() - before < 300
    assert len(image.layers) == 2
    assert not list(tmp_path.glob("brushwork-*"))
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


def test_what_goes_wrong_is_told_in_a_line(gi: Gi, plug_in: ModuleType, programs: Path) -> None:
    image, layer = photo(gi)
    gone = plug_in.Gimp.Image(1, 1)

    def told(layers: list[Any], **values: Any) -> str:
        status, message = run(plug_in, image, layers, **values)
        assert status.name == "EXECUTION_ERROR"
        return message

    assert told([layer]) == plug_in.MISSING
    assert told([layer], command="/nowhere/brushwork") == "/nowhere/brushwork is not a command that can be run."
    assert told([layer, layer]) == "Select one layer."
    assert told([gone]) == "Select one layer."
    lite = str(brushwork(programs, "brushwork.cli.lite"))
    assert "needs torch" in told([layer], command=lite, finish="good")
    assert "no-such-style" in told([layer], command=lite, style="no-such-style")
    program(programs / "brushwork", "raise SystemError('broken')")
    assert told([layer]) == "SystemError: broken"
    assert len(image.layers) == 2
    assert image.groups == 0
