"""The clients of Python and JavaScript against a real studio and its description."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import httpx
import pytest
from studios import PATIENCE, picture

from brushwork import read_recipe
from brushwork.errors import BrushworkError
from brushwork.studio import client as python_client
from brushwork.studio.client import RefusedError, Studio

SCRIPT = """
import { readFile, writeFile } from "node:fs/promises";
const [url, photo, folder] = process.argv.slice(2);
const { Studio, StudioError } = await import(`${folder}/client.mjs`);
const studio = new Studio(url);
const told = { progress: [], pictures: 0 };
const id = await studio.send(new Blob([await readFile(photo)]), "photo.png");
const job = await studio.submit("picture", { photo: id, style: "great-wave", size: 160, settings: { steps: 12 } });
const done = await studio.wait(job.id, {
  progress: (facts) => told.progress.push(facts.progress.share ?? 0),
  picture: (jpeg) => (told.pictures += jpeg.type === "image/jpeg" && jpeg.size > 500 ? 1 : -99),
});
told.status = done.status;
await writeFile(`${folder}/painted.tif`, Buffer.from(await (await studio.result(job.id, "tiff")).arrayBuffer()));
told.preview = (await studio.preview(id, "great-wave", { size: 64 })).size;
const key = crypto.randomUUID();
const asked = { photo: id, style: "great-wave", preset: "draft", size: 64 };
const twice = [await studio.submit("picture", asked, { key }), await studio.submit("picture", asked, { key })];
told.once = twice[0].id === twice[1].id;
await studio.wait(twice[0].id);
told.faces = [await studio.faces(id), (await studio.faceMask(id)).type];
const grid = await studio.tiles(id);
told.tile = [grid.width, (await studio.tile(id, { level: 1, column: 0, row: 0 })).type];
told.result = (await studio.tiles(job.id, "jobs")).height;
told.styles = 0;
for await (const style of studio.styles()) told.styles += style.methods.length > 0;
for await (const found of studio.jobs()) { told.newest = found.id === twice[0].id; break; }
told.queue = [];
for await (const [name] of studio.queue()) told.queue.push(name);
told.page = (await studio.jobPage({ kind: "picture", status: ["done"], search: "great wave", limit: 1 })).items.length;
await studio.delete(twice[0].id);
try {
  await studio.job(twice[0].id);
} catch (error) {
  told.problem = error instanceof StudioError && error.problem;
}
console.log(JSON.stringify(told));
"""


def test_python_s_types_are_those_of_the_description(http: httpx.Client) -> None:
    schemas = http.get("openapi.json").json()["components"]["schemas"]
    for name in ("UploadFacts", "Progress", "JobFacts", "StyleFacts", "FaceFacts", "Point", "TileFacts"):
        ours = set(typing.get_type_hints(getattr(python_client, name)))
        assert ours - {"preview"} == set(schemas[name]["properties"])


def test_python_stylizes_shows_and_lists(studio: Studio, samples: Path, photo: str, tmp_path: Path) -> None:
    job = studio.submit("picture", photo=photo, style="great-wave", size=160, settings={"steps": 12})
    pictures, shares = list[bytes](), list[float]()
    done = studio.wait(job["id"], lambda facts: shares.append(facts["progress"].get("share", 0)), pictures.append)
    assert (done["status"], shares[-1]) == ("done", 1)
    assert len(pictures) > 1
    studio.fetch(job["id"], tmp_path / "painted.png")
    assert picture((tmp_path / "painted.png").read_bytes()).shape == (120, 160, 3)
    assert dict(read_recipe(tmp_path / "painted.png") or {})["method"] == "gatys"
    assert studio.jobs()[0]["id"] == job["id"]
    studio.delete(job["id"])
    with pytest.raises(RefusedError, match="there is no job") as refused:
        studio.job(job["id"])
    assert refused.value.problem["type"] == "/api/v1/problems/not-found"


def test_a_request_is_sent_again_if_its_answer_is_lost(
    studio: Studio, photo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, lost = studio._http.request, list[str]()

    def losing(method: str, path: str, **given: Any) -> httpx.Response:
        answer = ask(method, path, **given)
        if method == "POST" and len(lost) < 2:
            lost.append(answer.json()["id"])
            raise httpx.RemoteProtocolError("the server has hung up")
        return answer

    monkeypatch.setattr(studio._http, "request", losing)
    job = studio.submit("picture", photo=photo, style="great-wave", preset="draft", size=64)
    assert lost == [job["id"]] * 2
    lost.clear()
    with pytest.raises(BrushworkError, match="can't be reached"):
        studio._json("POST", "/jobs", json={"kind": "picture", "photo": photo, "style": "great-wave"})


def test_javascript_does_the_same_in_node(http: httpx.Client, running: Any, samples: Path, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node here")
    served = http.get("client.js")
    assert served.headers["content-type"].startswith("text/javascript")
    (tmp_path / "client.mjs").write_bytes(served.content)
    (tmp_path / "try.mjs").write_text(SCRIPT)
    command = [node, "try.mjs", running.url, str(samples / "photo.png"), str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["status"], told["progress"][-1], told["once"], told["newest"]) == ("done", 1, True, True)
    assert told["pictures"] > 1
    assert (told["queue"][-1], told["page"]) == ("end", 1)
    assert told["preview"] > 500
    assert told["faces"] == [[], "image/png"]  # a cup of coffee
    assert (told["tile"], told["result"]) == ([160, "image/jpeg"], 120)
    assert told["styles"] > 10
    assert (told["problem"]["status"], told["problem"]["title"]) == (404, "Not found")
    assert picture((tmp_path / "painted.tif").read_bytes()).shape == (120, 160, 3)


def test_the_python_client_imports_neither_the_server_nor_torch() -> None:
    code = "import sys, brushwork.studio.client; assert not {'fastapi', 'pydantic', 'torch'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=PATIENCE).returncode == 0
