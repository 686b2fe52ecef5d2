"""Writing the page: one HTML file that needs no network, or a folder to be served, which can be installed as an app."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from brushwork.errors import BrushworkError, UsageError, first_line
from brushwork.lite.painting import Painter
from brushwork.lite.styles import blended, style_codes
from brushwork.lite.tensors import read_tensors
from brushwork.options.methods import AdaINLite
from brushwork.options.stylize import StylizeOptions
from brushwork.runtime.atomic_files import write_whole
from brushwork.styles.references import ResolvedStyle, is_saved, resolve_text

__all__ = ["export_page"]

FOLDER = Path(__file__).parent
PARTS = ("head", "body", "tail")
NONE = "'none'"
POLICY = {  # what the page may do; `own` is its own server, which a page from disk hasn't
    "default-src": "'none'", "base-uri": "'none'", "form-action": "'none'", "connect-src": "'none'",
    "img-src": "blob: data: {own}", "worker-src": "blob: {own}", "manifest-src": "{own}", "style-src": "{style}",
    "script-src": "{script} blob: 'wasm-unsafe-eval'",
}  # fmt: skip
APP = (
    '<link rel="manifest" href="manifest.webmanifest"><link rel="apple-touch-icon" href="icon-192.png">'
    '<meta name="served" content="service-worker.js">'
)
SERVED = ("service-worker.js", "manifest.webmanifest", "icon-192.png", "icon-512.png", "README.md")
MODULE = ("package.json", "index.js", "colors.js", "index.d.ts", "README.md")


def export_page(styles: Sequence[str], output: str | Path, *, model: str = AdaINLite.model) -> list[Path]:
    """Write a web page that paints photos in some styles, with all that it needs: no server, no network.

    Args:
        styles: Built-in, own and saved styles, paintings, and blends of them.
        output: A file ending in .html, which is opened from disk with one thread, or a folder to be served, with
            threads, which can be installed as an app. In the folder is also the module that paints, `brushwork-web`.
        model: The network: a bundled one or a .safetensors file, as in `AdaINLite`.

    Returns:
        The files.

    Raises:
        UsageError: No style, the same style twice, an unknown one, or one that AdaIN-lite can't paint.
        BrushworkError: A file can't be read or written.
    """
    target = Path(output)
    if not styles:
        raise UsageError("expected at least one style for the page; brushwork styles list shows the names")
    twice = [style for style in dict.fromkeys(styles) if styles.count(style) > 1]
    if twice:
        raise UsageError(f"style {twice[0]!r} is given twice; give each once")
    single = target.suffix.lower() in (".html", ".htm")
    if target.suffix and not single and not target.is_dir():
        raise UsageError(f"{output}: expected a name ending in .html, or a folder")
    pack = _pack(styles, model)
    if single:
        files = {target: _page(pack, served=False)}
    else:
        files = {target / "index.html": _page(pack, served=True)}
        files |= {target / name: (FOLDER / "served" / name).read_bytes() for name in SERVED}
        module = target / "brushwork-web"
        files |= {module / name: (FOLDER / "brushwork-web" / name).read_bytes() for name in MODULE}
        files[module / "styles.safetensors"] = pack
    try:
        for path, content in files.items():
            if path.parent != target.parent:
                path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
    except OSError as error:
        raise BrushworkError(f"{output} can't be written: {error.strerror or first_line(error)}") from error
    return list(files)


def _page(pack: bytes, *, served: bool) -> bytes:
    """Return the page with everything inside."""
    style, script = _text("page.css"), _text("page.js")
    own = "'self'" if served else ""
    data = {"module": _module().encode(), "worker": _worker().encode(), "styles": pack}
    inside = {name: gzip.compress(content, 9, mtime=0) for name, content in data.items()}
    inside["wasm"] = (FOLDER / "runtime" / "ort-wasm-simd-threaded.wasm.gz").read_bytes()
    html = _text("index.html")
    for mark, content in {
        "LICENSE": f"<!--\nThis page contains {_text('runtime/LICENSE')}-->",
        "POLICY": _policy(own=own, style=_hash(style), script=_hash(script)),
        "APP": APP if served else "",
        "ICON": base64.b64encode((FOLDER / "icon.svg").read_bytes()).decode(),
        "STYLE": style,
        "DATA": "\n".join(
            f'<script type="application/gzip" id="data-{name}">{base64.b64encode(content).decode()}</script>'
            for name, content in inside.items()
        ),
        "SCRIPT": script,
    }.items():
        html = html.replace(f"<!--{mark}-->", content)
    return html.encode()


def _worker() -> str:
    """Return the worker as one plain script: in a page from disk, a worker can't import modules."""
    runtime, module = _text("runtime/ort.wasm.bundle.min.mjs"), _module()
    found = re.fullmatch(r"(.*)export\{([^{}]*)\};?\s*", runtime, re.DOTALL)
    if found is None:
        raise BrushworkError(
            "onnxruntime-web exports its names in an unknown way; fetch it with lite/fetch_web_runtime.py"
        )
    code, names = found.groups()
    pairs = ", ".join(": ".join(reversed(name.strip().split(" as "))) for name in names.split(","))
    code = code.replace("import.meta.url", "self.location.href")
    module = re.sub("^export ", "", module, flags=re.MULTILINE)
    scripts = {"ort": f"{code}\nreturn {{ {pairs} }};", "brushwork": f"{module}\nreturn {{ load }};"}
    wrapped = [f"const {name} = (() => {{\n{script}\n}})();" for name, script in scripts.items()]
    return "\n".join([*wrapped, _text("worker.js")])


def _module() -> str:
    """Return brushwork-web as one file: what a page from disk imports can import nothing else."""
    colors, index = (_text(f"brushwork-web/{name}.js") for name in ("colors", "index"))
    return colors + re.sub(r'^import .* from "./colors.js";$', "", index, flags=re.MULTILINE)


def _text(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")


def _policy(**sources: str) -> str:
    return "; ".join(f"{name} {value.format(**sources).strip() or NONE}" for name, value in POLICY.items())


def _hash(content: str) -> str:
    """Return what a content security policy calls an inline style or script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _pack(styles: Sequence[str], model: str) -> bytes:
    """Return a .safetensors file with the painter's graphs, its weights as they are stored, and the styles' numbers."""
    painter, settings, options = Painter(model=model), AdaINLite(model=model), StylizeOptions()
    codes, flat = [], []
    resolved = [resolve_text(style) for style in styles]
    for style in resolved:
        code = blended(style, style_codes(painter, style, settings, options)[0], None).codes[0]
        codes.append(code)
        flat.append(np.stack([np.ravel(line) for line in painter.gray_line(code)]))
    weights, graphs = painter.model.tensors("painter"), FOLDER / "graphs" / painter.model.architecture.graphs
    tensors: dict[str, npt.NDArray[Any]] = {
        f"painter.{key}": array.astype(np.float16) for key, array in weights.items()
    }
    tensors |= {f"graph.{part}": np.frombuffer((graphs / f"{part}.onnx").read_bytes(), np.uint8) for part in PARTS}
    tensors |= {"codes": np.stack(codes).astype(np.float32), "flat": np.stack(flat).astype(np.float32)}
    about = [_about(style) for style in resolved]
    return _safetensors(tensors, {"license": "MIT", "styles": json.dumps(about, ensure_ascii=False)})


def _about(style: ResolvedStyle) -> dict[str, str]:
    """Return a style's name, title, artist and year."""
    parts = [read_tensors(path, lambda _: False)[1] if is_saved(path) else {} for path in style.files]
    titles = [part.get("title") or path.stem for part, path in zip(parts, style.files, strict=True)]
    name = style.text if len(parts) > 1 else style.files[0].stem
    facts = {key: ", ".join(dict.fromkeys(part[key] for part in parts if part.get(key))) for key in ("artist", "year")}
    return {"name": name, "title": " + ".join(titles), **(facts if len(parts) == 1 else {**facts, "year": ""})}


TYPES = {"float16": "F16", "float32": "F32", "uint8": "U8"}


def _safetensors(tensors: Mapping[str, npt.NDArray[Any]], about: Mapping[str, str]) -> bytes:
    header: dict[str, Any] = {"__metadata__": dict(about)}
    contents, size = [], 0
    for name, array in sorted(tensors.items(), key=lambda item: -item[1].itemsize):  # so that all are aligned
        contents.append(array.tobytes())
        end = size + len(contents[-1])
        header[name] = {"dtype": TYPES[array.dtype.name], "shape": list(array.shape), "data_offsets": [size, end]}
        size = end
    head = json.dumps(header, ensure_ascii=False).encode()
    head += b" " * (-len(head) % 8)
    return len(head).to_bytes(8, "little") + head + b"".join(contents)
