"""Which files a request to the page may name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brushwork.studio import page_access as module
from brushwork.studio.errors import NotAllowedError, StudioError
from brushwork.studio.page_access import PageFiles, checked_body, is_reachable, needs_check

OWN, OTHER = "/studio/page/1/own.png", "/studio/page/2/other.png"
ADDRESS = "http://localhost/api/jobs/1/preview"


def owns(path: Any) -> bool:
    return bool(path == OWN)


def own_address(address: Any) -> bool:
    return bool(address == ADDRESS)


def checked(content: Any) -> Any:
    return json.loads(checked_body(json.dumps(content).encode(), owns, own_address))


def test_one_s_own_file_passes_and_its_address_is_left_to_gradio() -> None:
    body = {"data": [{"path": OWN, "url": "http://evil.example", "orig_name": "own.png"}, "words", 1.5, None]}
    assert checked(body) == {"data": [{"path": OWN, "orig_name": "own.png"}, "words", 1.5, None]}
    assert checked({"data": [{"path": None, "url": None}]}) == {"data": [{"path": None}]}


@pytest.mark.parametrize("key", ["path", "url"])
@pytest.mark.parametrize(
    "value", [OTHER, f"{OWN}/../other.png", f"file://{OWN}", f"{OWN} ", "", 1, [OWN], {"path": OWN}]
)
def test_any_other_is_refused_wherever_it_stands(key: str, value: Any) -> None:
    for content in (
        {key: value},
        {"data": [{key: value}]},
        {"data": [[{"a": [{key: value}]}]]},
        {"more": {key: value}},
    ):
        with pytest.raises(NotAllowedError, match="only refer to files that you have uploaded"):
            checked(content)


def test_an_event_may_name_addresses_of_the_studio() -> None:
    event = {"value": {"image": {"path": ADDRESS, "url": ADDRESS}}}
    assert checked({"data": [], "event_data": event}) == {"data": [], "event_data": event}
    for address in ("http://evil.example/x.png", OTHER):
        with pytest.raises(NotAllowedError):
            checked({"data": [], "event_data": {"value": {"path": address}}})
        with pytest.raises(NotAllowedError):
            checked({"data": [{"path": ADDRESS}]})


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5) | st.just(OTHER),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.lists(st.sampled_from(["list", "dict"]), max_size=8), st.sampled_from(["path", "url"]))
def test_a_file_is_found_at_any_depth_of_anything(around: Any, nesting: list[str], key: str) -> None:
    inner: Any = {key: OTHER, "more": around}
    for kind in nesting:
        inner = [around, inner] if kind == "list" else {"a": around, "b": inner}
    with pytest.raises(NotAllowedError):
        checked({"data": [around, inner]})


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"1", b"{", b"\xff", b'{"data": ' + b"[" * 99 + b"]" * 99 + b"}", b"[" * 100_000]
)
def test_what_is_no_plain_object_is_refused(body: bytes) -> None:
    with pytest.raises(StudioError, match="expected"):
        checked_body(body, owns, own_address)


@pytest.mark.parametrize("key", ["data", "path"])
def test_of_two_values_of_one_name_the_last_is_checked_and_passed_on(key: str) -> None:
    file = f'{{"path": "{OWN}", "path": "{OTHER}"}}'
    body = (
        f'{{"data": [{{"path": "{OWN}"}}], "data": [{{"path": "{OTHER}"}}]}}'
        if key == "data"
        else f'{{"data": [{file}]}}'
    )
    with pytest.raises(NotAllowedError):
        checked_body(body.encode(), owns, own_address)


def test_a_file_is_its_sender_s_and_of_two_senders_either_s(tmp_path: Path) -> None:
    files, path = PageFiles(), tmp_path / "one.png"
    path.write_bytes(bytes(10))
    files.add("ada", str(path))
    files.add("bob", str(path))
    files.add("bob", OTHER)
    assert files.owns("ada", str(path))
    assert files.owns("bob", str(path))
    assert not files.owns("ada", OTHER)
    assert not files.owns("eve", str(path))
    assert not files.owns("ada", [str(path)])
    assert (files.size("bob"), files.size("eve")) == (10, 0)


def test_who_sends_much_pushes_out_nobody_else_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 3)
    files = PageFiles()
    files.add("ada", OWN)
    for number in range(5):
        files.add("bob", f"/{number}")
    assert files.owns("ada", OWN)
    assert [files.owns("bob", f"/{number}") for number in range(5)] == [False, False, True, True, True]


@pytest.mark.parametrize(
    "path", ["/gradio_api/run/x", "/gradio_api/queue/join/", "/gradio_api/queue/joined", "/gradio_api", "/api", "//",
             "/gradio_api/process_recording", "/login/x", "/svelte/x", "/Gradio_api/queue/join"]
)  # fmt: skip
def test_a_route_that_is_not_on_the_list_is_closed(path: str) -> None:
    assert not is_reachable(path)


def test_what_gradio_reads_as_json_is_checked() -> None:
    assert needs_check("POST", "/gradio_api/queue/join", "multipart/form-data; boundary=x")
    assert needs_check("POST", "/gradio_api/component_server", "Multipart/form-data")
    assert needs_check("PUT", "/gradio_api/cancel", "")
    assert not needs_check("POST", "/gradio_api/component_server", "multipart/form-data; boundary=x")
    assert not needs_check("POST", "/gradio_api/upload", "multipart/form-data; boundary=x")
    assert not needs_check("POST", "/api/jobs", "application/json")
