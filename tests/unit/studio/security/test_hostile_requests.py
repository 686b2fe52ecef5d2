"""What hostile files, names and requests get out of a studio: nothing."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

Until = Callable[..., Any]
Done = Callable[..., str]
MARK = b"<script>alert('mark')</script>"
NONE = "0" * 32


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
    assert answer.status_code in (201, 400)  # not 504, which is said of what takes too long
    assert ada.post("/api/previews", json={"photo": photo, "style": "great-wave", "size": 64}).status_code == 200


def test_a_picture_that_is_another_file_too_is_served_as_a_picture_alone(
    ada: httpx.Client, samples: Path, until: Until, done: Done
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
    name: bytes, stem: str | None, ada: httpx.Client, samples: Path, until: Until, done: Done
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
        assert "file names are not allowed here" in answer.json()["error"]


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


def test_nothing_of_all_this_failed_inside_or_ended_a_worker(running: Any) -> None:
    events = running.events()
    assert [event for event in events if event["level"] == "error"] == []
    assert [event for event in events if event.get("status") == "failed"] == []
    assert "Traceback" not in running.log.read_text()
