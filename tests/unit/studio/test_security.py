"""What strangers, other users, other sites' pages and hostile files get out of a studio: nothing."""

from __future__ import annotations

import io
import json
import stat
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import brushwork
from brushwork.cli.studio import studio as command
from brushwork.studio.guard import COOKIE, HEADERS

Sent = Callable[[httpx.Client, Path], str]
Until = Callable[..., Any]
FAILURES = 3
PASSWORDS = {"ada": "correct horse", "bob": "battery staple", "eve": "tr0ub4dor&3"}
MARK = b"<script>alert('mark')</script>"
NONE = "0" * 32
OTHERS = {name: words for name, words in HEADERS.items() if name != "content-security-policy"}


@pytest.fixture(scope="module")
def running(serve: Callable[..., Any]) -> Any:
    limits = ("--login-failures", FAILURES, "--upload-mb", 2, "--megapixels", 1, "--body-kb", 16)
    return serve(*map(str, limits), users=("ada", "bob", "eve"))


@pytest.fixture(scope="module")
def hooks(running: Any) -> dict[str, list[Callable[[httpx.Response], None]]]:
    """What holds for every answer of this module."""
    inside = [str(running.folder), str(Path(brushwork.__file__).parent), "Traceback", "site-packages"]

    def check(answer: httpx.Response) -> None:
        answer.read()
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy or answer.url.path == "/"
        assert {name: answer.headers[name] for name in OTHERS} == OTHERS
        assert answer.status_code < 500
        if answer.status_code >= 400:
            assert not any(words in answer.text for words in inside), answer.text

    return {"response": [check]}


@pytest.fixture(scope="module")
def stranger(running: Any, hooks: Any) -> Iterator[httpx.Client]:
    with running.http(event_hooks=hooks) as client:
        yield client


@pytest.fixture(scope="module")
def ada(running: Any, hooks: Any) -> Iterator[httpx.Client]:
    with running.logged_in("ada", event_hooks=hooks) as client:
        yield client


@pytest.fixture(scope="module")
def bob(running: Any, hooks: Any) -> Iterator[httpx.Client]:
    with running.logged_in("bob", event_hooks=hooks) as client:
        yield client


@pytest.fixture(scope="module")
def photo(ada: httpx.Client, samples: Path, sent: Sent) -> str:
    return sent(ada, samples / "photo.png")


def done(client: httpx.Client, until: Until, **ask: Any) -> str:
    """A job's id, as soon as it is done."""
    answer = client.post("/api/jobs", json=ask)
    assert answer.status_code == 202, answer.text
    job = str(answer.json()["id"])
    until(lambda: client.get(f"/api/jobs/{job}").json()["status"] == "done")
    return job


# Who comes in


def refused(*flags: str) -> str:
    """What the command says that doesn't start a studio."""
    arguments = ["studio", "--api-only", "--port", "0", *flags]
    ended = subprocess.run(
        [sys.executable, "-m", "brushwork", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    return ended.stderr.splitlines()[-1]


def test_a_studio_for_others_is_not_opened_without_users(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "studio.example"):
        said = refused("--folder", str(tmp_path / "studio"), "--host", host)
        assert f"--host {host} lets others in" in said
        assert "add a user first: brushwork studio --add-user NAME" in said


def test_a_second_studio_in_the_same_folder_is_refused(running: Any) -> None:
    assert "take another --folder" in refused("--folder", str(running.folder))


def test_users_are_added_and_removed_by_the_command_and_their_file_holds_no_password(tmp_path: Path) -> None:
    def run(*arguments: str, typed: str = "") -> str:
        ended = CliRunner().invoke(command, ["--folder", str(tmp_path / "studio"), *arguments], input=typed)
        assert ended.exit_code == 0
        return ended.output

    said = run("--add-user", "ada", typed="correct horse\ncorrect horse\n")
    file = tmp_path / "studio" / "users.json"
    assert "ada may log in" in said
    assert "correct horse" not in said
    assert "correct horse" not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "no longer" in run("--remove-user", "ada")
    assert json.loads(file.read_text()) == {}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"), ("GET", "/metrics"), ("GET", "/api/openapi.json"), ("GET", "/api/jobs"), ("POST", "/api/jobs"),
        ("GET", f"/api/jobs/{NONE}/events"), ("GET", f"/api/jobs/{NONE}/result"), ("GET", "/api/styles"),
        ("POST", "/api/uploads"), ("GET", f"/api/uploads/{NONE}/thumbnail"), ("POST", "/api/previews"),
        ("DELETE", f"/api/jobs/{NONE}"), ("POST", "/logout"), ("GET", "/login/../api/jobs"), ("GET", "//api/jobs"),
        ("GET", "/health/../metrics"), ("GET", "/nothing"),
    ],
)  # fmt: skip
def test_who_has_not_logged_in_gets_nothing(method: str, path: str, stranger: httpx.Client) -> None:
    assert stranger.request(method, path).status_code == 401


def test_whether_a_studio_is_well_anybody_may_ask(stranger: httpx.Client) -> None:
    assert stranger.get("/health").status_code == 200
    assert stranger.get("/ready").status_code == 200


def test_a_browser_logs_in_by_the_form_and_out_again(running: Any, hooks: Any) -> None:
    with running.http(event_hooks=hooks) as browser:
        asked = browser.get("/", headers={"accept": "text/html"})
        assert (asked.status_code, asked.headers["location"]) == (303, "/login")
        form = browser.get("/login")
        assert form.headers["content-type"].startswith("text/html")
        assert 'type="password"' in form.text
        wrong = browser.post("/login", data={"name": "ada", "password": MARK.decode()})
        assert wrong.status_code == 401
        assert "alert" in wrong.text
        assert MARK.decode() not in wrong.text
        right = browser.post("/login", data={"name": "ada", "password": PASSWORDS["ada"]})
        assert (right.status_code, right.headers["location"]) == (303, "/")
        flags = {part.strip().lower() for part in right.headers["set-cookie"].split(";")[1:]}
        assert {"httponly", "samesite=lax", "path=/", "max-age=86400"} <= flags
        token = browser.cookies[COOKIE]
        assert browser.get("/api/jobs").status_code == 200
        assert browser.post("/logout").status_code == 303
        assert browser.get("/api/jobs").status_code == 401
        assert browser.get("/api/jobs", headers={"cookie": f"{COOKIE}={token}"}).status_code == 401


def test_a_login_over_https_is_kept_to_https(running: Any) -> None:
    with running.http(headers={"x-forwarded-proto": "https"}) as browser:
        answer = browser.post("/login", data={"name": "ada", "password": PASSWORDS["ada"]})
    assert "secure" in [part.strip().lower() for part in answer.headers["set-cookie"].split(";")]


def test_wrong_passwords_are_refused_and_soon_the_name_has_to_wait(stranger: httpx.Client) -> None:
    def attempt(name: str, password: str) -> list[httpx.Response]:
        both = {"name": name, "password": password}
        return [stranger.post("/api/sessions", json=both), stranger.post("/login", data=both)]

    assert [answer.status_code for answer in attempt("nobody", "wrong")] == [401, 401]
    assert [answer.status_code for answer in attempt("nobody", "wrong")] == [401, 429]
    for answer in attempt("nobody", "another"):
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) == 300
    assert stranger.post("/api/sessions", json={"name": "bob", "password": PASSWORDS["bob"]}).status_code == 201


@pytest.mark.parametrize(
    "body", [{}, {"name": "ada"}, {"name": ["ada"], "password": "x"}, {"name": "a" * 65, "password": "x"},
             {"name": "ada", "password": "x" * 1025}, {"name": "ada", "password": "correct horse", "admin": True}],
)  # fmt: skip
def test_logins_of_another_form_are_refused(body: dict[str, Any], stranger: httpx.Client) -> None:
    assert stranger.post("/api/sessions", json=body).status_code == 422


def test_another_password_ends_the_logins_of_the_old_one(running: Any, hooks: Any) -> None:
    with running.logged_in("eve", event_hooks=hooks) as eve:
        assert eve.get("/api/jobs").status_code == 200
        arguments = ["--folder", str(running.folder), "--add-user", "eve"]
        assert CliRunner().invoke(command, arguments, input="another one\nanother one\n").exit_code == 0
        assert eve.get("/api/jobs").status_code == 401
        old = {"name": "eve", "password": PASSWORDS["eve"]}
        assert eve.post("/api/sessions", json=old).status_code == 401
        assert eve.post("/api/sessions", json={**old, "password": "another one"}).status_code == 201


# What is one's own


def test_users_see_nothing_of_each_other(
    ada: httpx.Client, bob: httpx.Client, photo: str, samples: Path, sent: Sent, until: Until
) -> None:
    job = done(ada, until, kind="picture", photo=photo, style="great-wave", size=64)
    assert ada.post("/api/styles", json={"picture": photo, "name": "adas"}).status_code == 201
    own = sent(bob, samples / "wave.jpg")
    theirs = [
        ("GET", f"/api/uploads/{photo}/thumbnail"), ("GET", f"/api/uploads/{photo}/view.jpg"),
        ("DELETE", f"/api/uploads/{photo}"), ("GET", f"/api/jobs/{job}"), ("GET", f"/api/jobs/{job}/events"),
        ("GET", f"/api/jobs/{job}/preview"), ("GET", f"/api/jobs/{job}/result"),
        ("GET", f"/api/jobs/{job}/result?format=jpeg"), ("POST", f"/api/jobs/{job}/pause"),
        ("POST", f"/api/jobs/{job}/resume"), ("POST", f"/api/jobs/{job}/cancel"), ("DELETE", f"/api/jobs/{job}"),
        ("GET", "/api/styles/adas/swatch"), ("DELETE", "/api/styles/adas"),
    ]  # fmt: skip
    for method, path in theirs:
        assert bob.request(method, path).status_code == 404, path
    for path, ask in (
        ("/api/jobs", {"kind": "picture", "photo": photo, "style": "great-wave"}),
        ("/api/jobs", {"kind": "picture", "photo": own, "style": f"@{photo}"}),
        ("/api/jobs", {"kind": "picture", "photo": own, "style": "great-wave", "masks": [photo]}),
        ("/api/jobs", {"kind": "batch", "photos": [own, photo], "style": "great-wave"}),
        ("/api/jobs", {"kind": "grid", "photo": own, "styles": ["great-wave", "adas"]}),
        ("/api/previews", {"photo": photo, "style": "great-wave"}),
        ("/api/previews", {"photo": own, "style": f"great-wave+@{photo}"}),
        ("/api/previews", {"photo": own, "style": "adas"}),
        ("/api/previews", {"photo": own, "style": "great-wave", "masks": [photo]}),
        ("/api/previews/video", {"kind": "video", "film": photo, "style": "great-wave"}),
        ("/api/styles", {"picture": photo, "name": "stolen"}),
    ):
        assert bob.post(path, json=ask).status_code == 404, ask
    listed = [bob.get(f"/api/{what}").text for what in ("uploads", "jobs", "styles")]
    assert not any(secret in text for text in listed for secret in (photo, job, '"adas"', '"stolen"'))
    for path in (f"/api/uploads/{photo}/thumbnail", f"/api/jobs/{job}/result", "/api/styles/adas/swatch"):
        assert ada.get(path).status_code == 200


# Other sites' pages


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"},
     {"sec-fetch-site": "same-site"}],
)  # fmt: skip
def test_other_sites_pages_do_nothing_in_a_user_s_name(
    headers: dict[str, str], running: Any, hooks: Any, photo: str
) -> None:
    with running.http(event_hooks=hooks) as browser:
        browser.post("/login", data={"name": "ada", "password": PASSWORDS["ada"]})
        before = browser.get("/api/uploads").text
        for method, path in (
            ("DELETE", f"/api/uploads/{photo}"), ("POST", "/api/jobs"), ("POST", "/api/uploads"), ("POST", "/logout"),
            ("POST", "/login"), ("POST", "/api/sessions"),
        ):  # fmt: skip
            assert browser.request(method, path, headers=headers).status_code == 403
        assert browser.get("/api/uploads").text == before
        preflight = browser.options("/api/jobs", headers={**headers, "access-control-request-method": "POST"})
        assert not any(name.startswith("access-control") for name in preflight.headers)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "localhost.evil.example"])
def test_other_names_for_this_machine_lead_nowhere(host: str, ada: httpx.Client, stranger: httpx.Client) -> None:
    assert ada.get("/api/jobs", headers={"host": host}).status_code == 403
    assert stranger.get("/login", headers={"host": host}).status_code == 403


# Files


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, more: bytes = b"") -> bytes:
    """A PNG file that says it is so large, and holds next to nothing."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(3 * 64 + 1) * 64)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


LIES = {
    "picture.svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'>" + MARK + b"</svg>",
    "picture.png": b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
    b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><text>&x;</text></svg>",
    "page.jpg": b"<!doctype html>" + MARK,
    "document.png": b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>",
    "playlist.mp4": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "ffconcat.mp4": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "manifest.mp4": b"G<MPD profiles='urn:mpeg:dash:profile:isoff-on-demand:2011'><BaseURL>file:///etc/passwd</BaseURL>",
    "session.mp4": b"G=0\nv=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 51234 RTP/AVP 96\n",
    "ftyp.mp4": b"\0\0\0\x20ftypisom" + b"file:///etc/passwd" * 60,
    "matroska.mkv": b"\x1a\x45\xdf\xa3" + bytes(500),
    "ogg.ogv": b"OggS" + bytes(200),
    "gif.gif": b"GIF89a" + b"\xff" * 50,
    "tiff.tif": b"II*\0" + b"\xff" * 50,
    "bitmap.bmp": b"BM" + b"\xff" * 100,
    "webp.webp": b"RIFF\xff\xff\xff\xffWEBPVP8 " + b"\xff" * 40,
    "avif.avif": b"\0\0\0\x20ftypavif" + b"\xff" * 60,
    "numbers.csv": b"1,2,3\n4,5,6\n",
    "code.py": b"import os\n",
    "empty.png": b"",
    "one.png": b"\x89",
    "bomb.png": png(60_000, 60_000),
    "wide.png": png(2_000_000_000, 1),
}


@pytest.mark.parametrize("name", LIES)
def test_what_is_no_picture_and_no_film_is_refused_by_its_content(name: str, ada: httpx.Client) -> None:
    answer = ada.post("/api/uploads", files={"file": (name, LIES[name], "image/png")})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"{name}: ")


@pytest.mark.parametrize("name", ["photo.png", "wave.jpg", "film.mp4"])
def test_truncated_files_are_refused(name: str, ada: httpx.Client, samples: Path) -> None:
    content = (samples / name).read_bytes()
    for share in (0.1, 0.6):
        answer = ada.post("/api/uploads", files={"file": (name, content[: int(share * len(content))])})
        assert answer.status_code == 400
        assert answer.json()["error"].startswith(f"{name}: ")


def test_what_unpacks_to_much_harms_nobody(ada: httpx.Client, photo: str) -> None:
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000)))
    answer = ada.post("/api/uploads", files={"file": ("text.png", png(64, 64, text))})
    assert answer.status_code in (201, 400)
    assert answer.elapsed.total_seconds() < 10
    assert ada.post("/api/previews", json={"photo": photo, "style": "great-wave", "size": 64}).status_code == 200


def test_a_picture_that_is_another_file_too_is_served_as_a_picture_alone(
    ada: httpx.Client, samples: Path, until: Until
) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("mark.html", MARK)
    content = (samples / "wave.jpg").read_bytes() + MARK + archive.getvalue()
    upload = ada.post("/api/uploads", files={"file": ("wave.jpg.html", content, "text/html")}).json()["id"]
    ask = {"photo": upload, "style": "great-wave", "size": 64}
    job = done(ada, until, kind="picture", **ask)
    served = [ada.post("/api/previews", json=ask)] + [
        ada.get(path)
        for path in (
            f"/api/uploads/{upload}/thumbnail", f"/api/uploads/{upload}/view.jpg", f"/api/jobs/{job}/result",
            f"/api/jobs/{job}/result?format=jpeg", f"/api/jobs/{job}/result?format=tiff",
        )
    ]  # fmt: skip
    for answer in served:
        assert answer.status_code == 200, (answer.url.path, answer.text)
        assert answer.headers["content-type"].startswith("image/")
        assert b"mark" not in answer.content
        assert b"PK\x03\x04" not in answer.content
        with Image.open(io.BytesIO(answer.content)) as opened:
            assert np.asarray(opened).std() > 5


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        (b"../../../../etc/passwd", "passwd"), (b"..\\..\\windows\\boot.ini", "boot"), (b"a\0b.png", "ab"),
        (b"n" * 900 + b".png", "n" * 80),
        (b"a%0d%0aset-cookie: x=y.png", None), (b"\\\"; filename=\\\"evil.html", None),
        ("ü‮gnp.exe".encode(), None), (b"\xff\xfe\xfd.png", None), (b".", None), (b"con; rm -rf ~.png", None),
        (b"$(reboot).png", None), (b"' or 1=1 --.png", None), (MARK + b".png", None),
    ],
)  # fmt: skip
def test_names_of_files_do_nothing(
    name: bytes, stem: str | None, ada: httpx.Client, samples: Path, until: Until
) -> None:
    head = b'--cut\r\ncontent-disposition: form-data; name="file"; filename="' + name + b'"\r\n\r\n'
    body = head + (samples / "photo.png").read_bytes() + b"\r\n--cut--\r\n"
    answer = ada.post("/api/uploads", content=body, headers={"content-type": "multipart/form-data; boundary=cut"})
    assert answer.status_code == 201, answer.text
    assert answer.json()["name"].isprintable()
    assert len(answer.json()["name"]) <= 80
    job = done(ada, until, kind="picture", photo=answer.json()["id"], style="great-wave", size=64)
    result = ada.get(f"/api/jobs/{job}/result")
    message = Message()
    message["content-disposition"] = result.headers["content-disposition"]
    saved = message.get_filename() or ""
    assert message.get_content_disposition() == "attachment"
    assert saved.endswith(".png")
    assert len(saved) < 100
    assert not set(saved) & set("/\\\0\r\n\"';<>$(): ")
    assert not saved.startswith((".", "-"))
    assert "set-cookie" not in result.headers
    if stem is not None:
        assert saved.startswith(stem)


# References


@pytest.mark.parametrize(
    "style",
    ["/etc/passwd", "../x", "@../..", "@/etc/passwd", "great-wave.safetensors", "~/x", "file:///etc/passwd",
     "http://127.0.0.1/", "great-wave+/etc/passwd", "great-wave\0.png", f"@{NONE}/../x", "@" + "A" * 32],
)  # fmt: skip
def test_styles_are_no_files_of_the_server(style: str, ada: httpx.Client, photo: str) -> None:
    for path, ask in (
        ("/api/previews", {"photo": photo, "style": style}),
        ("/api/jobs", {"kind": "picture", "photo": photo, "style": style}),
        ("/api/jobs", {"kind": "grid", "photo": photo, "styles": ["great-wave", style]}),
    ):
        assert ada.post(path, json=ask).status_code == 400


@pytest.mark.parametrize(
    ("method", "settings"),
    [("gatys", {"network": "/etc/passwd"}), ("gatys", {"init": "/etc/passwd"}), ("adain", {"decoder": "x.pth"}),
     ("adain-lite", {"model": "x.safetensors"}), ("adain-lite", {"model": ["/etc/passwd"]})],
)  # fmt: skip
def test_settings_name_no_files_of_the_server(
    method: str, settings: dict[str, Any], ada: httpx.Client, photo: str
) -> None:
    ask = {"photo": photo, "style": "great-wave", "method": method, "settings": settings}
    for path, more in (("/api/previews", {}), ("/api/jobs", {"kind": "picture"})):
        answer = ada.post(path, json={**ask, **more})
        assert answer.status_code == 400
        assert "names of files can't be given here" in answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "ask"),
    [
        ("/api/jobs", {"kind": "picture", "photo": "/etc/passwd", "style": "great-wave"}),
        ("/api/jobs", {"kind": "picture", "photo": NONE, "style": "great-wave", "output": "/tmp/x"}),
        ("/api/jobs", {"kind": "picture", "photo": NONE, "style": "great-wave", "user": "bob"}),
        ("/api/jobs", {"kind": "video", "film": "../x", "style": "great-wave"}),
        ("/api/previews", {"photo": NONE, "style": "great-wave", "size": 10**6}),
        ("/api/previews", {"photo": NONE, "style": "great-wave", "masks": ["/etc/passwd"]}),
        ("/api/styles", {"picture": NONE, "name": "../../x"}),
        ("/api/styles", {"picture": NONE, "name": "x", "folder": "/tmp"}),
    ],
)
def test_fields_that_nobody_asked_for_are_refused(path: str, ask: dict[str, Any], ada: httpx.Client) -> None:
    assert ada.post(path, json=ask).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 15_000,
        b'{"settings":' + b"[" * 15_000,
        b'{"settings":' + b'{"a":' * 2_000 + b"1" + b"}" * 2_000 + b"}",
        b'{"kind":' + b"9" * 15_000 + b"}",
        b'{"kind":"\\ud800"}',
        b'{"kind":"picture","photo":"' + NONE.encode() + b'","style":"great-wave","settings":{"strength":1e999}}',
        b"\xff\xfe{}",
        b"null",
        b"NaN",
    ],
)  # fmt: skip
def test_odd_bodies_are_refused(body: bytes, ada: httpx.Client) -> None:
    for path in ("/api/jobs", "/api/previews", "/api/styles", "/api/sessions"):
        answer = ada.post(path, content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 404, 422)
        assert len(answer.text) < 1000


def test_long_bodies_are_refused(ada: httpx.Client) -> None:
    for path in ("/api/jobs", "/api/previews", "/login"):
        assert ada.post(path, content=b"[" * 17_000).status_code == 413


# What is written down


def test_the_log_holds_no_password_and_no_token(running: Any, stranger: httpx.Client, ada: httpx.Client) -> None:
    stranger.post("/api/sessions", json={"name": "who", "password": "a-wrong-password"})
    stranger.post("/login", data={"name": "who2", "password": "a-wrong-password"})
    token = ada.headers["authorization"].split()[1]
    stranger.get(f"/api/jobs?token={token}", headers={"authorization": f"Bearer {token}"})
    log = running.log.read_text()
    assert '"path": "/api/sessions"' in log
    assert not any(secret in log for secret in (*PASSWORDS.values(), "a-wrong-password", token, "Bearer"))


def test_the_studio_s_own_files_hold_no_secret(running: Any, ada: httpx.Client) -> None:
    users = running.folder / "users.json"
    assert stat.S_IMODE(users.stat().st_mode) == 0o600
    token = ada.headers["authorization"].split()[1].encode()
    for path in (path for path in running.folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert token not in content
        assert not any(password.encode() in content for password in PASSWORDS.values())


def test_nothing_of_all_this_failed_inside_or_ended_a_worker(running: Any) -> None:
    events = running.events()
    assert [event for event in events if event["level"] == "error"] == []
    assert [event for event in events if event.get("status") == "failed"] == []
    assert "Traceback" not in running.log.read_text()
