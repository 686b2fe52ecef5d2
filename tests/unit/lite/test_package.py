"""brushwork-lite: the package made from this source paints without torch and the other large packages."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import onnx
import pytest
from PIL import Image
from skimage import data

from brushwork import AdaINLite, encode_style, load, save_style

LEFT_OUT = (
    "torch scipy skimage cv2 pyvips safetensors click rich_click rich lazy_loader platformdirs psutil onnx brushwork"
)
ROOT = Path(__file__).parents[3]
BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in "BLOCKED".split():
            raise ImportError(f"{name} is not there")

sys.meta_path.insert(0, Blocker())
sys.argv[1:1] = []
from brushwork_lite.cli.lite import main
main()
""".replace("BLOCKED", LEFT_OUT)


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "lite" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package."""
    folder = tmp_path_factory.mktemp("site")
    module("sources").write_package(folder / "brushwork_lite")
    return folder


def run(folder: Path, *arguments: object, code: str = BLOCKED) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", code, *map(str, arguments)]
    place = {**os.environ, "PYTHONPATH": str(folder), "HOME": str(folder)}
    return subprocess.run(line, capture_output=True, text=True, env=place, check=False)


def test_it_paints_where_nothing_else_is_installed(installed: Path, tmp_path: Path) -> None:
    photo, painting = tmp_path / "cat.png", tmp_path / "cup.png"
    Image.fromarray(data.chelsea()).resize((96, 64)).save(photo)
    Image.fromarray(data.coffee()).resize((96, 64)).save(painting)
    done = run(
        installed, "stylize", photo, "--style", f"great-wave+{painting}", "--strength", "0.8", "-o", tmp_path / "o.png"
    )
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "o.png") as picture:
        assert picture.size == (96, 64)
    assert len(run(installed, "styles").stdout.splitlines()) == 88


def test_what_needs_torch_is_told(installed: Path) -> None:
    done = run(installed, "stylize", "x.png", "--style", "iris", "--preset", "good")
    assert (done.returncode, done.stderr) == (2, "Error: --preset good needs torch: pip install brushwork\n")


def test_a_network_of_ones_own_paints_styles_that_are_saved(installed: Path, second: str, tmp_path: Path) -> None:
    photo, style = tmp_path / "cat.png", tmp_path / "mine.safetensors"
    Image.fromarray(data.chelsea()).resize((96, 64)).save(photo)
    method = load(AdaINLite(model=second))
    save_style(style, method, encode_style(method, str(photo), [96]))
    done = run(installed, "stylize", photo, "--style", style, "--model", second, "-o", tmp_path / "o.png")
    assert done.returncode == 0, done.stderr
    done = run(installed, "stylize", photo, "--style", photo, "--model", second, "-o", tmp_path / "p.png")
    assert done.returncode == 0, done.stderr


def test_it_mentions_the_full_package_nowhere_in_its_imports(installed: Path) -> None:
    for path in installed.rglob("*.py"):
        for line in path.read_text("utf-8").splitlines():
            if line.strip().startswith(("from brushwork.", "import brushwork.")):
                assert "__main__" in line, f"{path}: {line}"


def test_the_command_brushwork_is_the_full_one_where_both_are(installed: Path, tmp_path: Path) -> None:
    code = "from brushwork_lite.__main__ import main_of_brushwork; main_of_brushwork()"
    both = tmp_path / "both"
    (both / "brushwork").mkdir(parents=True)
    (both / "brushwork" / "__init__.py").touch()
    (both / "brushwork" / "__main__.py").write_text("def main():\n    print('full')\n    raise SystemExit\n")
    (both / "brushwork_lite").symlink_to(installed / "brushwork_lite")
    assert run(both, "--version", code=code).stdout == "full\n"


def test_the_graphs_are_those_of_the_networks() -> None:
    made = module("build_graphs").graphs()
    folder = ROOT / "src" / "brushwork" / "lite" / "graphs"
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.onnx")) == sorted(made)
    for name, content in made.items():
        assert _told(onnx.load_from_string(content)) == _told(onnx.load(folder / name, load_external_data=False)), name


def _told(model: onnx.ModelProto) -> list[object]:
    graph = model.graph
    weights = sorted((tensor.name, *tensor.dims) for tensor in graph.initializer)
    return [[node.op_type for node in graph.node], weights, [one.name for one in (*graph.input, *graph.output)]]
