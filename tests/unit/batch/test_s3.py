"""Buckets of a server that speaks S3, in this process."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from brushwork import AdaINLite
from brushwork.batch.listing import list_pictures
from brushwork.batch.stylize_batch import stylize_batch
from brushwork.errors import PictureError, UsageError

s3fs = pytest.importorskip("s3fs")
server = pytest.importorskip("moto.server")
METHOD = AdaINLite(precision="float32")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().makedirs("bucket", exist_ok=True)
    yield "s3://bucket"
    s3fs.S3FileSystem.clear_instance_cache()
    running.stop()


def test_from_bucket_to_bucket(bucket: str, photos: Path, engine: Any) -> None:
    store = fsspec.filesystem("s3")
    store.put(str(photos), "bucket/photos", recursive=True)
    done = stylize_batch(f"{bucket}/photos", "great-wave", f"{bucket}/out", METHOD, runner=engine)
    assert (done.done, done.failed) == (3, 0)
    store.invalidate_cache()
    found = {name.removeprefix("bucket/out/") for name in store.find("bucket/out") if name.endswith(".png")}
    assert found == {"a_great-wave.png", "b_great-wave.png", "deep/er/a_great-wave.png"}
    engine.tasks.clear()
    again = stylize_batch(f"{bucket}/photos", "great-wave", f"{bucket}/out", METHOD, runner=engine, resume=True)
    assert (again.done, engine.tasks) == (3, [])


def test_more_than_a_page_is_listed(bucket: str) -> None:
    store = fsspec.filesystem("s3")
    for number in range(12):
        store.pipe(f"bucket/many/{number:02}.png", b"")
    call = store.call_s3
    calls = []

    def short(*arguments: Any, **keywords: Any) -> Any:
        calls.append(keywords)
        return call(*arguments, **keywords, MaxKeys=5)

    store.call_s3 = short
    assert [picture.name for picture in list_pictures([f"{bucket}/many"])] == [f"{k:02}.png" for k in range(12)]
    assert len(calls) == 3


def test_wrong_credentials_and_a_missing_bucket_are_told(
    bucket: str, photos: Path, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PictureError, match="s3://nobody/photos: no such file or folder"):
        stylize_batch("s3://nobody/photos", "great-wave", "memory://s3/out", METHOD, runner=engine)
    with pytest.raises(PictureError, match=r"s3://nobody/out/\.brushwork/part.*: no such file or folder"):
        stylize_batch(photos, "great-wave", "s3://nobody/out", METHOD, runner=engine)
    assert engine.tasks == ["measure"]
    monkeypatch.setattr("s3fs.S3FileSystem._call_s3", _refused)
    fsspec.filesystem("s3").invalidate_cache()
    with pytest.raises(PictureError, match=r"s3://bucket.*can't be reached \(Access Denied\); check .* credentials"):
        stylize_batch(photos, "great-wave", f"{bucket}/out", METHOD, runner=engine)


async def _refused(*arguments: Any, **keywords: Any) -> Any:
    raise PermissionError("Access Denied")


def test_without_the_extra_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(address: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    with pytest.raises(UsageError, match=r"pip install 'brushwork\[cloud\]'"):
        list(list_pictures(["s3://bucket/photos"]))
