"""The scripts for Krita and Photoshop, on imitations of their interfaces, against a real studio."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data
from studios import PATIENCE, Running, launch

FOLDER = Path(__file__).parents[2] / "integrations"

PHOTOSHOP = """
import { readFile, writeFile } from "node:fs/promises";
const [source, layerFile, folder] = process.argv.slice(2);
const told = { closed: [], names: [] };
const file = (path) => ({
  path,
  read: async () => { const b = await readFile(path); return b.buffer.slice(b.byteOffset, b.byteOffset + b.length); },
  write: async (content) => writeFile(path, Buffer.from(content)),
});
let ids = 0;
class Layer {
  constructor(document, name, bytes) { Object.assign(this, { document, name, bytes }); }
  async duplicate(document) {
    const copy = new Layer(document, this.name, this.bytes);
    document.layers.unshift(copy);
    return copy;
  }
  move(other, place) {
    const layers = this.document.layers;
    layers.splice(layers.indexOf(this), 1);
    layers.splice(layers.indexOf(other) + (place === "before" ? 0 : 1), 0, this);
  }
}
class Document {
  constructor() { this.id = ++ids; this.layers = []; Object.assign(this, { width: 96, height: 64, resolution: 72 }); }
  saveAs = {
    png: async (entry, options, asCopy) => { told.asCopy = asCopy; await entry.write(this.layers[0].bytes); },
  };
}
const document = new Document();
document.layers.push(new Layer(document, "above", null), new Layer(document, "cat", await readFile(layerFile)));
document.activeLayers = [document.layers[1]];
const modules = {
  photoshop: {
    app: {
      activeDocument: document,
      createDocument: async (options) => { told.options = options; return new Document(); },
      open: async (entry) => {
        const opened = new Document();
        opened.layers.push(new Layer(opened, "Background", Buffer.from(await entry.read())));
        return opened;
      },
    },
    constants: { DocumentFill: { TRANSPARENT: "transparent" }, ElementPlacement: { PLACEBEFORE: "before" } },
  },
  uxp: {
    script: { executionContext: { isCancelled: false, hostControl: {
      registerAutoCloseDocument: async (id) => told.closed.push(id),
      suspendHistory: async (asked) => { told.history = asked; return 7; },
      resumeHistory: async (id, commit) => { told.resumed = [id, commit]; },
    } } },
    storage: {
      formats: { binary: "binary" },
      localFileSystem: { getTemporaryFolder: async () => ({ createFile: async (name) => file(`${folder}/${name}`) }) },
    },
  },
};
const AsyncFunction = (async () => {}).constructor;
try {
  await new AsyncFunction("require", await readFile(source, "utf8"))((name) => modules[name]);
} catch (error) {
  told.error = error.message;
}
told.names = document.layers.map((layer) => layer.name);
if (!told.error) await writeFile(`${folder}/result.png`, document.layers[1].bytes);
console.log(JSON.stringify(told));
"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = launch(tmp_path_factory.mktemp("studio") / "folder", "--api-only")
    yield running
    running.stop()


@pytest.fixture
def cat(tmp_path: Path) -> Path:
    pixels = Image.fromarray(data.chelsea()).resize((96, 64)).convert("RGBA")
    pixels.putalpha(Image.fromarray(np.repeat(np.linspace(0, 255, 96).astype(np.uint8)[None], 64, 0)))
    pixels.save(tmp_path / "cat.png")
    return tmp_path / "cat.png"


def script(name: str, studio: Running, style: str = "great-wave") -> str:
    """A script's text, for this studio and in drafts."""
    text = (FOLDER / name).read_text("utf-8").replace("http://127.0.0.1:7860", studio.url)
    return text.replace('"good"', '"draft"').replace('"great-wave"', f'"{style}"')


def check(before: Path, after: np.ndarray[Any, Any]) -> None:
    """The result is painted, and has the layer's size and transparency."""
    with Image.open(before) as opened:
        photo = np.asarray(opened, int)
    assert after.shape == photo.shape
    assert np.array_equal(after[..., 3], photo[..., 3])
    assert np.abs(after - photo)[..., :3].mean() > 10


class Node:
    """A layer of Krita."""

    def __init__(self, name: str, file: Path | None = None) -> None:
        self._name, self.file, self.children, self.parent = name, file, list[Node](), None
        self.pixels: Any = None

    def name(self) -> str:
        return self._name

    def parentNode(self) -> Node:  # noqa: N802 - Krita's names
        assert self.parent is not None
        return self.parent

    def addChildNode(self, child: Node, above: Node) -> None:  # noqa: N802
        self.children.insert(self.children.index(above) + 1, child)  # Krita lists layers from the bottom

    def save(self, path: str, x: float, y: float, info: object, bounds: Any) -> None:
        assert (x, y, bounds.width()) == (2, 2, 96)
        assert self.file is not None
        shutil.copy(self.file, path)

    def setColorSpace(self, model: str, depth: str, profile: str) -> None:  # noqa: N802
        assert (model, depth) == ("RGBA", "U8")

    def setPixelData(self, content: bytes, x: int, y: int, width: int, height: int) -> None:  # noqa: N802
        assert (x, y) == (0, 0)
        blue, green, red, alpha = np.frombuffer(content, np.uint8).reshape(height, width, 4).transpose(2, 0, 1)
        self.pixels = np.stack([red, green, blue, alpha], 2).astype(int)


class Bits(bytes):
    """What QImage.constBits returns: of unknown size until it is set."""

    def setsize(self, size: int) -> None:
        assert size == len(self)


class QImage:
    """A picture of Qt, 8 bits, BGRA."""

    Format_ARGB32 = 5

    def __init__(self, pixels: Image.Image) -> None:
        red, green, blue, alpha = pixels.convert("RGBA").split()
        self.size, self.content = pixels.size, Image.merge("RGBA", (blue, green, red, alpha)).tobytes()

    @classmethod
    def fromData(cls, content: bytes) -> QImage:  # noqa: N802
        import io

        with Image.open(io.BytesIO(content)) as opened:
            return cls(opened)

    def convertToFormat(self, kind: int) -> QImage:  # noqa: N802
        assert kind == self.Format_ARGB32
        return self

    def constBits(self) -> Bits:  # noqa: N802
        return Bits(self.content)

    def sizeInBytes(self) -> int:  # noqa: N802
        return len(self.content)

    def width(self) -> int:
        return self.size[0]

    def height(self) -> int:
        return self.size[1]


@pytest.fixture
def root(cat: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """The root of Krita's active document, with one layer."""
    root, layer = Node("root"), Node("cat", cat)
    layer.parent, root.children = root, [layer]
    bounds = SimpleNamespace(x=lambda: 0, y=lambda: 0, width=lambda: 96, height=lambda: 64)
    document = SimpleNamespace(
        activeNode=lambda: layer, bounds=lambda: bounds, resolution=lambda: 144, refreshProjection=lambda: None,
        createNode=lambda name, kind: Node(name),
    )  # fmt: skip
    krita, qt, core, gui = (ModuleType(name) for name in ("krita", "PyQt5", "PyQt5.QtCore", "PyQt5.QtGui"))
    krita.Krita = SimpleNamespace(instance=lambda: SimpleNamespace(activeDocument=lambda: document))
    krita.InfoObject, core.QByteArray, gui.QImage = object, bytes, QImage
    core.QCoreApplication = SimpleNamespace(processEvents=lambda: None)
    for module in (krita, qt, core, gui):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return root


def test_krita_gets_a_layer(studio: Running, root: Node, cat: Path) -> None:
    exec(compile(script("krita/brushwork.py", studio), "brushwork.py", "exec"), {})
    assert [node.name() for node in root.children] == ["cat", "cat, great-wave"]
    check(cat, root.children[1].pixels)


def test_krita_is_told_why_not(studio: Running, root: Node) -> None:
    with pytest.raises(RuntimeError, match="no-such-style"):
        exec(compile(script("krita/brushwork.py", studio, "no-such-style"), "brushwork.py", "exec"), {})
    assert len(root.children) == 1


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
@pytest.mark.parametrize("style", ["great-wave", "no-such-style"])
def test_photoshop_gets_a_layer(studio: Running, cat: Path, tmp_path: Path, style: str) -> None:
    (tmp_path / "brushwork.psjs").write_text(script("photoshop/brushwork.psjs", studio, style), "utf-8")
    (tmp_path / "photoshop.mjs").write_text(PHOTOSHOP, "utf-8")
    files = [str(tmp_path / name) for name in ("photoshop.mjs", "brushwork.psjs", "cat.png")]
    done = subprocess.run(["node", *files, str(tmp_path)], capture_output=True, timeout=PATIENCE, check=True)
    told = json.loads(done.stdout)
    if style == "no-such-style":
        assert "no-such-style" in told["error"]
        assert told["names"] == ["above", "cat"]
        return
    assert "error" not in told, told
    assert told["names"] == ["above", "cat, great-wave", "cat"]
    assert told["options"] == {"width": 96, "height": 64, "resolution": 72, "fill": "transparent"}
    assert (told["asCopy"], told["closed"]) == (True, [2, 3])
    assert (told["history"], told["resumed"]) == ({"documentID": 1, "name": "Brushwork"}, [7, True])
    with Image.open(tmp_path / "result.png") as opened:
        check(cat, np.asarray(opened.convert("RGBA"), int))
