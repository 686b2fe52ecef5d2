"""Which files of this repository brushwork-lite is made of, and how they become the package `brushwork_lite`.

Both distributions come from one source: modules of `brushwork` that need no torch are copied, and their imports name
the copy. So both can be installed side by side.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

__all__ = ["write_package"]

SOURCE = Path(__file__).resolve().parents[1] / "src" / "brushwork"
MODULES = (
    "errors.py", "version.py", "batch/naming.py", "cli/jobs.py", "cli/lite.py", "cli/lite_running.py", "cli/pipes.py",
    "lite/*.py", "options/base.py", "options/methods.py", "options/stylize.py", "runtime/atomic_files.py",
    "runtime/home.py", "styles/built_in.py", "styles/references.py", "styles/tuned.py", "tiling/cuts.py",
)  # fmt: skip
WEIGHTS = {
    "adain-lite": ("coder.", "painter."),
    "adain-lite-2": ("coder.", "painter."),
    "adain-lite-3": ("coder.", "painter."),
    "adain-lite-3-film": ("painter.",),
    "adain-lite-film": ("painter.",),
    "vgg19-slim": ("conv1", "conv2", "conv3", "conv4", "conv5_1", "tap"),
}
IMPORTED = re.compile(r"\bbrushwork(?=\.[a-z_]+(\.[a-z_]+)* import )")  # "from brushwork.errors import …"
CODES = ("adain-lite-2.styles.safetensors", "adain-lite-3.styles.safetensors")  # of the built-in styles
STYLE = ("adain-lite/", "adain-lite@")  # what is kept of a built-in style
ENTRY = '''"""brushwork without torch: `python -m brushwork_lite`, and the command."""

import os
import sys
from importlib.util import find_spec

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy has little to do, and its threads take time to start

from brushwork_lite.cli.lite import main

__all__ = ["main", "main_of_brushwork"]


def main_of_brushwork() -> None:
    """Run the command `brushwork`: the full one where that is installed, too."""
    if find_spec("brushwork") is not None:
        from brushwork.__main__ import main as full

        full()
    main()


if __name__ == "__main__":
    sys.exit(main())
'''


def write_package(folder: Path) -> None:
    """Write the package into a folder, which becomes `brushwork_lite`."""
    for pattern in MODULES:
        for path in sorted(SOURCE.glob(pattern)):
            target = folder / path.relative_to(SOURCE)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(
                re.sub(r"\bbrushwork(?=\.[a-z_]+(\.[a-z_]+)* import )", "brushwork_lite", path.read_text("utf-8")),
                "utf-8",
            )
    for inner in {path.parent for path in folder.rglob("*.py")}:
        (inner / "__init__.py").write_text('"""A part of brushwork, see its own documentation."""\n', "utf-8")
    (folder / "__init__.py").write_text('"""brushwork without torch: drafts in any style, at any size."""\n', "utf-8")
    (folder / "__main__.py").write_text(ENTRY, "utf-8")
    shutil.copytree(SOURCE / "lite" / "graphs", folder / "lite" / "graphs")
    (folder / "models" / "styles").mkdir(parents=True)
    for name, kept in WEIGHTS.items():
        _copy_part(SOURCE / "models" / f"{name}.safetensors", folder / "models" / f"{name}.safetensors", kept)
        shutil.copy(SOURCE / "models" / f"{name}.json", folder / "models" / f"{name}.json")
    for codes in CODES:
        shutil.copy(SOURCE / "models" / codes, folder / "models" / codes)
    for path in (SOURCE / "models" / "styles").glob("*.safetensors"):
        _copy_part(path, folder / "models" / "styles" / path.name, STYLE)


def _copy_part(path: Path, target: Path, kept: tuple[str, ...]) -> None:
    """Copy the tensors of a .safetensors file whose names begin in one of some ways, and its metadata."""
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    parts, entries, size = [], {"__metadata__": header.pop("__metadata__", {})}, 0
    for name, entry in header.items():
        if name.startswith(kept):
            first, last = entry["data_offsets"]
            parts.append(content[start + first : start + last])
            entries[name] = entry | {"data_offsets": [size, size + last - first]}
            size += last - first
    head = json.dumps(entries, ensure_ascii=False).encode()
    head += b" " * (-len(head) % 8)
    target.write_bytes(len(head).to_bytes(8, "little") + head + b"".join(parts))
