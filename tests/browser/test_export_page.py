"""The page that `export --page` writes: alone, without a network, it paints what Python paints."""

from __future__ import annotations

import base64
import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect
from skimage import data
from studios import PATIENCE
from wide_network import write_wide_network

import brushwork
from brushwork import AdaINLite, export_page

pytest.importorskip("onnxruntime")

STYLES = ["great-wave", "starry-night", "composition-vii"]
LARGEST = 12_000_000  # bytes
RUNTIME = Path(brushwork.__file__).parent / "lite" / "page" / "runtime"
Samples = NDArray[np.uint8]


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page in one file."""
    (path,) = export_page(STYLES, tmp_path_factory.mktemp("page") / "brushwork.html")
    return path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the page's folder, served without the headers that threads need."""
    folder = tmp_path_factory.mktemp("served")
    export_page(STYLES, folder)
    (folder / "blank.html").write_text("<!doctype html><title>blank</title><link rel='icon' href='data:,'>")
    shutil.copy(RUNTIME / "ort.wasm.bundle.min.mjs", folder)
    shutil.copy(RUNTIME / "ort-wasm-simd-threaded.wasm.gz", folder)
    server = http.server.ThreadingHTTPServer(("localhost", 0), functools.partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def desk(browser: Browser) -> Iterator[BrowserContext]:
    """A context of its own, where whatever goes wrong in a page fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")
    context.set_default_timeout(1000 * PATIENCE)
    wrong: list[str] = []
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    yield context
    context.close()
    assert wrong == []


def photo(height: int, width: int) -> Samples:
    whole: Samples = data.chelsea()
    return whole[:height, :width]


def saved(samples: Samples, path: Path) -> Path:
    Image.fromarray(samples).save(path)
    return path


def by_python(samples: Samples, style: str, model: str = "adain-lite") -> NDArray[np.float32]:
    pixels = brushwork.Picture.from_numpy(samples)
    result = brushwork.stylize(pixels, style, AdaINLite(model=model, precision="float32"), size=0)
    return np.asarray(result.picture.to_numpy(), np.float32)


def away(a: Samples, b: NDArray[np.float32] | Samples) -> float:
    assert a.shape == b.shape
    return float(np.abs(a.astype(np.float32) - b).max())


def give(page: Page, file: Path) -> None:
    page.set_input_files("#file", file)
    expect(page.locator("#save")).to_be_enabled(timeout=1000 * PATIENCE)


def result_of(page: Page, target: Path) -> Samples:
    page.select_option("#format", "image/png")
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(target)
    return np.asarray(Image.open(target).convert("RGB"))


def test_offline_from_disk_it_paints_what_python_paints(desk: BrowserContext, single: Path, tmp_path: Path) -> None:
    assert single.stat().st_size <= LARGEST
    left: list[str] = []
    desk.on(
        "request",
        lambda request: None if request.url.startswith(("file:", "blob:", "data:")) else left.append(request.url),
    )
    desk.set_offline(True)
    page = desk.new_page()
    page.goto(single.as_uri())
    samples = photo(203, 301)
    give(page, saved(samples, tmp_path / "cat.png"))
    assert away(result_of(page, tmp_path / "wave.png"), by_python(samples, "great-wave")) <= 2
    page.get_by_label("The Starry Night").check(force=True)
    expect(page.locator("#save")).to_be_disabled()
    expect(page.locator("#save")).to_be_enabled(timeout=1000 * PATIENCE)
    starry = result_of(page, tmp_path / "starry.png")
    assert away(starry, by_python(samples, "starry-night")) <= 2
    page.locator("#strength").fill("50")
    half = result_of(page, tmp_path / "half.png")
    assert away(half, (starry.astype(np.float32) + samples) / 2) <= 1
    page.locator("#strength").fill("0")
    assert away(result_of(page, tmp_path / "photo.png"), samples) == 0
    assert left == []


def test_a_file_that_is_no_picture_is_named(desk: BrowserContext, single: Path, tmp_path: Path) -> None:
    page = desk.new_page()
    page.goto(single.as_uri())
    (tmp_path / "notes.png").write_text("no picture")
    page.set_input_files("#file", tmp_path / "notes.png")
    expect(page.get_by_role("alert")).to_contain_text("notes.png can't be read as a picture")


PAINT = """async ({ pixels, width, height, styles, options }) => {
  const ort = await import("/ort.wasm.bundle.min.mjs"), { load } = await import("/brushwork-web/index.js");
  const packed = await fetch("/ort-wasm-simd-threaded.wasm.gz");
  const wasm = await new Response(packed.body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  const source = styles ? Uint8Array.from(atob(styles), (x) => x.charCodeAt(0)) : "/brushwork-web/styles.safetensors";
  globalThis.painter ??= await load(source, { runtime: ort, wasm });
  const photo = new ImageData(Uint8ClampedArray.from(atob(pixels), (x) => x.charCodeAt(0)), width, height);
  const steps = [];
  const onProgress = (done, count) => steps.push([done, count]);
  const { data } = await painter.paint(photo, { ...options, onProgress });
  let text = "";
  for (const byte of data) text += String.fromCharCode(byte);
  return { pixels: btoa(text), steps };
}"""


def painted(page: Page, samples: Samples, styles: str = "", **options: object) -> tuple[Samples, list[list[int]]]:
    """What the module makes of a picture (H, W, 4), with other styles than those that are served, and its progress."""
    height, width = samples.shape[:2]
    pixels = base64.b64encode(samples.tobytes()).decode()
    given = {"pixels": pixels, "width": width, "height": height, "styles": styles, "options": options}
    result = page.evaluate(PAINT, given)
    found = np.frombuffer(base64.b64decode(result["pixels"]), np.uint8)
    return found.reshape(height, width, 4), result["steps"]


def opaque(samples: Samples) -> Samples:
    return np.dstack([samples, np.full(samples.shape[:2], 255, np.uint8)])


def test_the_module_paints_tiles_like_the_whole_and_flat_pictures_like_python(
    desk: BrowserContext, served: str
) -> None:
    page = desk.new_page()
    page.goto(f"{served}/blank.html")
    samples = opaque(photo(203, 417))
    samples[:50, :, 3] = 100
    whole, few = painted(page, samples)
    tiled, many = painted(page, samples, tile=112)
    assert away(tiled, whole) <= 1
    assert (whole[:, :, 3] == samples[:, :, 3]).all()
    assert few[-1] == [3, 3]
    assert len(many) == many[-1][0] == many[-1][1] > 10
    flat = np.random.default_rng(0).integers(99, 104, (64, 71, 3), np.uint8)
    found, _ = painted(page, opaque(flat), style="composition-vii")
    assert away(found[:, :, :3], by_python(flat, "composition-vii")) <= 2
    one, _ = painted(page, opaque(photo(1, 9)))
    assert one.shape == (1, 9, 4)
    with pytest.raises(Error, match="there is no style monet; there are great-wave"):
        painted(page, samples, style="monet")


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A network of the second architecture, and a painting."""
    folder = tmp_path_factory.mktemp("second")
    write_wide_network(folder / "second.safetensors")
    saved(data.coffee()[:256, :384], folder / "cup.png")
    return str(folder / "second.safetensors"), str(folder / "cup.png")


def test_the_second_architecture(desk: BrowserContext, served: str, second: tuple[str, str], tmp_path: Path) -> None:
    model, painting = second
    export_page([painting], tmp_path / "page.html", model=model)
    page = desk.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    samples = photo(203, 301)
    give(page, saved(samples, tmp_path / "cat.png"))
    wanted = by_python(samples, painting, model)
    assert away(result_of(page, tmp_path / "result.png"), wanted) <= 2
    module = desk.new_page()
    module.goto(f"{served}/blank.html")
    export_page([painting], tmp_path / "site", model=model)
    styles = base64.b64encode((tmp_path / "site" / "brushwork-web" / "styles.safetensors").read_bytes()).decode()
    tiled, steps = painted(module, opaque(samples), styles, tile=112)
    assert away(tiled[:, :, :3], wanted) <= 2
    assert steps[-1] == [24, 24]
    gray = np.repeat(samples[:, :, 1:2], 3, 2)
    assert away(painted(module, opaque(gray), styles)[0][:, :, :3], by_python(gray, painting, model)) <= 2


def test_served_it_has_threads_and_stays_without_a_network(desk: BrowserContext, served: str, tmp_path: Path) -> None:
    page = desk.new_page()
    page.goto(served)
    threads = min(4, os.cpu_count() or 1)
    expect(page.locator(f"html[data-threads='{threads}']")).to_be_attached()
    assert page.evaluate("crossOriginIsolated")
    samples = photo(97, 131)
    give(page, saved(samples, tmp_path / "cat.png"))
    assert away(result_of(page, tmp_path / "result.png"), by_python(samples, "great-wave")) <= 2
    manifest = page.evaluate("document.querySelector('link[rel=manifest]').href")
    facts = desk.request.get(manifest).json()
    assert all(desk.request.get(f"{served}/{icon['src']}").ok for icon in facts["icons"])
    page.evaluate("navigator.serviceWorker.ready.then(() => caches.match('./'))")
    desk.set_offline(True)
    page.reload()
    expect(page.locator(f"html[data-threads='{threads}']")).to_be_attached()
    expect(page.get_by_role("heading", name="Paint a photo")).to_be_visible()


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_it_fits_and_is_accessible(
    browser: Browser, single: Path, tmp_path: Path, width: int, height: int, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(
        viewport={"width": width, "height": height}, locale="de-DE", color_scheme=scheme, has_touch=width < 700,
        is_mobile=width < 700, bypass_csp=True,
    )  # fmt: skip
    context.set_default_timeout(1000 * PATIENCE)
    page = context.new_page()
    page.goto(single.as_uri())
    expect(page.get_by_role("heading", name="Ein Foto malen")).to_be_visible()
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    assert Axe().run(page, options=rules).response["violations"] == []
    give(page, saved(photo(150, 200), tmp_path / "cat.png"))
    assert Axe().run(page, options=rules).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("Foto öffnen", "Sichern"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= width - box["width"]
    context.close()
