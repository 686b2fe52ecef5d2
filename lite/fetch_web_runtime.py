#!/usr/bin/env python3
"""Put onnxruntime-web into src/brushwork/lite/page/runtime, from npm: its WebAssembly for the CPU, and what loads it.

    python lite/fetch_web_runtime.py

`brushwork export --page` needs both, and must not need a network.
"""

from __future__ import annotations

import gzip
import subprocess
import tarfile
import tempfile
from pathlib import Path

VERSION = "1.30.0"
FOLDER = Path(__file__).resolve().parents[1] / "src" / "brushwork" / "lite" / "page" / "runtime"
LOADER, WASM = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", f"onnxruntime-web@{VERSION}"], cwd=folder, check=True)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            found = {name: archive.extractfile(f"package/dist/{name}") for name in (LOADER, WASM)}
            contents = {name: file.read() for name, file in found.items() if file is not None}
    loader = contents[LOADER].decode().split("//# sourceMappingURL")[0]
    (FOLDER / LOADER).write_text(loader, "utf-8")
    (FOLDER / f"{WASM}.gz").write_bytes(gzip.compress(contents[WASM], 9, mtime=0))


if __name__ == "__main__":
    main()
