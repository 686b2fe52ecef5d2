"""The build hook of brushwork-lite: the package is made from the full one's source, see `sources.py`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PackageHook(BuildHookInterface):
    """Puts `brushwork_lite` into the wheel, or into the source distribution, from which a wheel can be built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the package in a temporary folder."""
        root = Path(self.root)
        made = root / "brushwork_lite"
        if not made.is_dir():
            sys.path.insert(0, str(root))
            from sources import write_package

            self._temporary = tempfile.mkdtemp(prefix="brushwork-lite-")
            made = Path(self._temporary) / "brushwork_lite"
            write_package(made)
        build_data["force_include"][str(made)] = "brushwork_lite"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the temporary folder."""
        shutil.rmtree(getattr(self, "_temporary", ""), ignore_errors=True)
