"""The page takes no file from the machine: only what its user has sent, whatever a request names."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image, PngImagePlugin
from studio_pages import META, PASSWORD, Client, PageStudio, page_studio

from brushwork.studio import guard

pytestmark = pytest.mark.filterwarnings("ignore")  # what Gradio, and all that it imports, are warned of
Shape = Callable[[str, str], Any]
SECRET = b"the-secret-that-nobody-may-read"
REFUSED = (403, '{"error": "a request may only refer to files that you have uploaded"}')
FILES = ("image", "video", "file", "imageeditor", "gallery", "imageslider")  # components that take or show files


@pytest.fixture(scope="module", params=["local", "team"])
def studio(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageStudio]:
    users = ("ada", "bob") if request.param == "team" else ()
    with page_studio(tmp_path_factory.mktemp(request.param) / "studio", users) as running:
        yield running


@pytest.fixture(scope="module")
def attacker(studio: PageStudio) -> Client:
    return studio.clients["bob" if "bob" in studio.clients else "local"]


@pytest.fixture(scope="module")
def secrets(studio: PageStudio, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files that aren't the attacker's."""
    closed = tmp_path_factory.mktemp("closed")
    closed.chmod(0o700)
    found = {"picture": picture(closed / "mine.png"), "password file": Path("/etc/passwd")}
    (closed / "notes.txt").write_bytes(SECRET)
    found |= {"text": closed / "notes.txt", "environment": Path("/proc/self/environ")}
    link = closed / "link.png"
    link.symlink_to(found["picture"])
    planted = studio.folder / "page" / "planted.png"  # where the page keeps what it is sent
    planted.parent.mkdir(exist_ok=True)
    planted.symlink_to(found["picture"])
    found |= {"link": link, "link within the page": planted, "database": studio.folder / "studio.sqlite"}
    if "ada" in studio.clients:
        ada = studio.clients["ada"].http
        kept = ada.post("/api/uploads", files={"file": ("mine.png", found["picture"].read_bytes())}).json()["id"]
        assert ada.post("/api/styles", json={"picture": kept, "name": "adas"}).status_code == 201
        found["another's upload"] = studio.folder / "uploads" / kept
        found["another's file of the page"] = Path(studio.clients["ada"].send(found["picture"]))
        found["another's style"] = next((studio.folder / "users" / "ada" / "styles").glob("adas.*"))
        found["users"] = studio.folder / "users.json"
    return found


@pytest.fixture(scope="module")
def own(attacker: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file that the attacker has sent to the page."""
    path = tmp_path_factory.mktemp("own") / "own.png"
    Image.new("RGB", (40, 30), "red").save(path)
    return attacker.send(path)


def picture(path: Path) -> Path:
    about = PngImagePlugin.PngInfo()
    about.add_text("Comment", SECRET.decode())
    Image.new("RGB", (40, 30), "blue").save(path, pnginfo=about)
    return path


def copies(studio: PageStudio) -> set[Path]:
    """The files of the studio, and of its page, in which the secret stands."""
    files = (path for path in studio.folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path for path in files if SECRET in path.read_bytes() or b"root:x:0:0" in path.read_bytes()}


@pytest.fixture
def nothing_leaks(studio: PageStudio, attacker: Client, secrets: dict[str, Path], own: str) -> Iterator[None]:
    """Nothing that isn't the attacker's was copied into the studio, or said, or made an upload."""
    before, uploads, started = copies(studio), len(attacker.uploads()), len(attacker.told)
    yield
    assert copies(studio) == before
    assert len(attacker.uploads()) == uploads
    said = "".join(attacker.told[started:])
    assert not any(words in said for words in (SECRET.decode(), "root:x:0:0", "PATH=", "SQLite format"))


def file(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "meta": META, **more}


SHAPES: dict[str, Shape] = {
    "file": lambda path, own: file(path),
    "file and address": lambda path, own: file(path, url=f"/gradio_api/file={path}", orig_name="own.png", size=1),
    "file without a mark": lambda path, own: {"path": path},
    "address of one's own file": lambda path, own: file(path, url=f"/gradio_api/file={own}"),
    "stream": lambda path, own: file(path, is_stream=True),
    "list": lambda path, own: [file(path)],
    "list after one's own": lambda path, own: [file(own), file(path)],
    "film": lambda path, own: {"video": file(path), "subtitles": None},
    "subtitles": lambda path, own: {"video": file(own), "subtitles": file(path)},
    "gallery": lambda path, own: [{"image": file(path), "caption": None}],
    "editor": lambda path, own: {"background": file(path), "layers": [], "composite": None},
    "layer": lambda path, own: {"background": None, "layers": [file(path)], "composite": file(path), "id": None},
    "bare layer": lambda path, own: {"layers": [{"path": path}]},
    "message": lambda path, own: {"text": "", "files": [file(path)]},
    "update": lambda path, own: {"__type__": "update", "value": file(path)},
    "deep": lambda path, own: {"a": [[{"b": {"c": file(path)}}]]},
    "words": lambda path, own: path,
    "list of words": lambda path, own: [path],
    "words in a file": lambda path, own: {"name": path, "data": path, "is_file": True, "orig_name": path},
}
SPELLINGS: dict[str, Callable[[str, str], str]] = {
    "plain": lambda path, own: path,
    "file address": lambda path, own: f"file://{path}",
    "file address with a host": lambda path, own: f"file://localhost{path}",
    "short file address": lambda path, own: f"file:{path}",
    "route": lambda path, own: f"/gradio_api/file={path}",
    "address of the route": lambda path, own: f"http://127.0.0.1:7860/gradio_api/file={path}",
    "up from one's own": lambda path, own: f"{own}/../../../../../../../../..{path}",
    "up from one's own folder": lambda path, own: f"{Path(own).parent}/../../../../../../../../..{path}",
    "relative": lambda path, own: f"../../../../../../../../../../..{path}",
    "slashes": lambda path, own: path.replace("/", "//"),
    "dots": lambda path, own: path.replace("/", "/./"),
    "root of the process": lambda path, own: f"/proc/self/root{path}",
    "percent": lambda path, own: quote(path, safe=""),
    "percent twice": lambda path, own: quote(quote(path, safe=""), safe=""),
    "dots by percent": lambda path, own: f"{own}/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e{path}",
    "backslashes": lambda path, own: path.replace("/", "\\"),
    "null": lambda path, own: f"{path}\0.png",
    "null after one's own": lambda path, own: f"{own}\0{path}",
    "spaces": lambda path, own: f" {path} ",
    "line": lambda path, own: f"{own}\n{path}",
    "home": lambda path, own: f"~root/../..{path}",
    "other letters": lambda path, own: path.replace(".", "．").replace("/", "／"),
    "capitals": lambda path, own: path.upper(),
}


@pytest.mark.parametrize("kind", ["image", "video", "file", "imageeditor"])
@pytest.mark.usefixtures("nothing_leaks")
def test_a_file_that_was_not_sent_is_refused_there_or_not(
    kind: str, attacker: Client, secrets: dict[str, Path], own: str
) -> None:
    function, kinds = attacker.taking(kind)
    for path in (*secrets.values(), Path("/nowhere/none.png")):
        shape = {"file": SHAPES["list"], "video": SHAPES["film"], "imageeditor": SHAPES["layer"]}.get(
            kind, SHAPES["file"]
        )
        data = [shape(str(path), own) if part == kind else None for part in kinds]
        assert attacker.call(function, data) == REFUSED, path


@pytest.mark.parametrize("cases", [60, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.usefixtures("nothing_leaks")
def test_no_function_of_the_page_reads_or_tells_of_a_file(
    cases: int, attacker: Client, secrets: dict[str, Path], own: str
) -> None:
    chosen = random.Random(20)
    functions = [(number, kinds) for number, kinds in attacker.functions if kinds]
    for case in range(cases):
        number, kinds = functions[case % len(functions)]
        shape, given = list(SHAPES.items())[case % len(SHAPES)]
        spelling, spelled = list(SPELLINGS.items())[case % len(SPELLINGS)]
        name, secret = chosen.choice(list(secrets.items()))
        places, answers = [part in FILES or chosen.random() < 0.3 for part in kinds], []
        for path in (str(secret), f"{secret}-missing"):
            value = given(spelled(path, own), own)
            data = [value if place else None for place in places]
            event = value if case % 3 == 0 else None
            status, said = attacker.call(number, data, event_data=event)
            without_path = said.replace(json.dumps(spelled(path, own))[1:-1], "…")
            answers.append((status, re.sub("'[^']*'", "…", without_path)))  # errors quote what was sent
        assert answers[0][0] < 500
        assert answers[0] == answers[1], (number, shape, spelling, name)


def test_a_user_s_own_file_is_taken_shown_and_nobody_else_s(studio: PageStudio, attacker: Client, own: str) -> None:
    function, _ = attacker.taking("image")
    status, said = attacker.call(function, [file(own, url=f"{studio.url}/gradio_api/file={own}", orig_name="own.png")])
    assert (status, json.loads(said)[0]) == (200, True)
    assert "own.png" in [upload["name"] for upload in attacker.uploads()]
    assert attacker.http.get(f"/gradio_api/file={own}").status_code == 200
    if "ada" in studio.clients:
        ada = studio.clients["ada"]
        assert ada.http.get(f"/gradio_api/file={own}").status_code == 404
        assert ada.call(function, [file(own)]) == REFUSED


def test_the_same_file_from_two_users_is_either_s(studio: PageStudio, tmp_path: Path) -> None:
    path = picture(tmp_path / "same.png")
    sent = {name: client.send(path) for name, client in studio.clients.items()}
    for name, client in studio.clients.items():
        assert client.http.get(f"/gradio_api/file={sent[name]}").status_code == 200


@pytest.mark.usefixtures("nothing_leaks")
def test_no_address_serves_a_file_that_was_not_sent(attacker: Client, secrets: dict[str, Path], own: str) -> None:
    for path in map(str, secrets.values()):
        for spelled in SPELLINGS.values():
            for route in (
                "/gradio_api/file=",
                "/gradio_api/file/",
                "/file=",
                "/gradio_api/proxy=",
                "/assets/",
                "/static/",
            ):
                answer = attacker.ask("GET", route + quote(spelled(path, own)))
                assert answer.status_code in (403, 404), answer.url


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/gradio_api/run/predict"), ("POST", "/gradio_api/run/_taken"), ("POST", "/gradio_api/api/_taken/"),
     ("POST", "/gradio_api/call/_taken"), ("POST", "/gradio_api/call/v2/_taken"), ("GET", "/gradio_api/call/_taken/x"),
     ("POST", "/gradio_api/process_recording"), ("POST", "/gradio_api/stream/x"), ("POST", "/gradio_api/vibe-edit"),
     ("GET", "/gradio_api/stream/s/r/1/playlist-file"), ("GET", "/gradio_api/custom_component/1/client/component/x"),
     ("GET", "/gradio_api/deep_link"), ("GET", "/gradio_api/dev/reload"), ("GET", "/monitoring"), ("GET", "/svelte/x"),
     ("GET", "/gradio_api/run-history/buckets"), ("GET", "/gradio_api/openapi.json"), ("POST", "/gradio_api/upload/"),
     ("POST", "/gradio_api/queue/join/"), ("POST", "/gradio_api//queue/join"), ("POST", "/gradio_api/%71ueue/joi%6e/")],
)  # fmt: skip
def test_routes_that_the_page_does_not_use_are_closed(method: str, path: str, attacker: Client) -> None:
    body = {"data": [file("/etc/passwd")], "fn_index": 0, "session_hash": "s"} if method == "POST" else None
    answer = attacker.ask(method, path, json=body)
    assert (answer.status_code, answer.json()) == (404, {"error": "not found"})


@pytest.mark.usefixtures("nothing_leaks")
def test_a_body_is_read_as_it_was_checked(attacker: Client, secrets: dict[str, Path], own: str) -> None:
    function, _ = attacker.taking("image")
    head, rest = (
        '{"session_hash": "odd", "fn_index": ' + str(function) + ', "data": ',
        json.dumps([file(str(secrets["picture"]))]),
    )
    twice = head + json.dumps([file(own)]) + ', "data": ' + rest + "}"
    inner = head + rest.replace('"path"', f'"path": {json.dumps(own)}, "path"') + "}"
    escaped = head + rest.replace('"path"', r'"\u0070ath"') + "}"
    bodies: list[tuple[bytes, int]] = [(text.encode(), 403) for text in (twice, inner, escaped, head + rest + "}")]
    bodies += [((head + rest + "}").encode(code), 403) for code in ("utf-16", "utf-32", "utf-16-le", "utf-8")]
    bodies += [((head + "[" * deep + rest + "]" * deep + "}").encode(), 400) for deep in (60, 20_000)]
    bodies += [(b"", 400), (b"[]", 400), (b"null", 400), (b"{", 400), (b"\xff\xfe\xfd", 400), (rest.encode(), 400)]
    for body, status in bodies:
        for kind in (
            "application/json",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
        ):
            answer = attacker.ask("POST", "/gradio_api/queue/join", content=body, headers={"content-type": kind})
            assert answer.status_code == status, (body[:80], kind)
            assert str(secrets["picture"]) not in answer.text


@pytest.mark.usefixtures("nothing_leaks")
def test_parts_of_the_page_answer_for_drawings_alone(attacker: Client, secrets: dict[str, Path]) -> None:
    parts = attacker.config["components"]
    assert {name for part in parts for name in part["props"].get("server_fns", [])} == {"accept_blobs"}
    for part in {part["type"]: part for part in parts if part["type"] in FILES}.values():
        for name in ("ls", "preprocess", "postprocess", "move_resource_to_block_cache"):
            body = {"component_id": part["id"], "fn_name": name, "session_hash": "s", "data": str(secrets["picture"])}
            for sent in ({"json": body}, {"data": body}, {"data": body, "files": {"file": b"x"}}):
                assert attacker.ask("POST", "/gradio_api/component_server", **sent).status_code in (400, 404)


@pytest.mark.parametrize(
    ("kind", "shape"),
    [("image", "file"), ("image", "file without a mark"), ("image", "stream"), ("image", "words"), ("file", "list"),
     ("video", "film"), ("imageeditor", "layer"), ("imageeditor", "bare layer")],
)  # fmt: skip
@pytest.mark.usefixtures("nothing_leaks")
def test_behind_the_guard_gradio_and_the_studio_refuse_it_too(
    kind: str, shape: str, attacker: Client, secrets: dict[str, Path], own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "needs_check", lambda *request: False)
    function, kinds = attacker.taking(kind)
    for path in map(str, secrets.values()):
        data = [SHAPES[shape](path, own) if part == kind else None for part in kinds]
        status, said = attacker.call(function, data)
        assert status == 200
        assert json.loads(said)[1] in (None, [None])  # an error, or a refusal in the page's own words; no result
        assert path not in said


def test_who_has_not_logged_in_reaches_nothing(studio: PageStudio, attacker: Client, secrets: dict[str, Path]) -> None:
    if "ada" not in studio.clients:
        pytest.skip("there are no logins")
    body = {"data": [file(str(secrets["picture"]))], "fn_index": attacker.taking("image")[0], "session_hash": "x"}
    with_none = {"authorization": f"Bearer {PASSWORD}"}
    for path in ("queue/join", "run/predict", "upload", "component_server", "process_recording"):
        answer = attacker.http.post(f"/gradio_api/{path}", json=body, headers=with_none)
        assert answer.status_code == 401
    assert attacker.http.get(f"/gradio_api/file={secrets['picture']}", headers=with_none).status_code == 401
