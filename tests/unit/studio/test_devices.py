"""Devices on which somebody has logged in before."""

from __future__ import annotations

import time

import pytest

from brushwork.studio.devices import device_of, new_device

KEY = b"a secret"


def test_a_device_is_known_by_its_cookie_as_its_user_s() -> None:
    cookies = [new_device("ada", KEY) for _ in range(2)]
    devices = [device_of(cookie, "ada", KEY) for cookie in cookies]
    assert None not in devices
    assert devices[0] != devices[1]
    assert device_of(cookies[0], "bob", KEY) is None
    assert device_of(cookies[0], "ada", b"another") is None


def test_a_device_is_forgotten_after_half_a_year(monkeypatch: pytest.MonkeyPatch) -> None:
    cookie, now = new_device("ada", KEY), time.time()
    monkeypatch.setattr(time, "time", lambda: now + 181 * 86_400)
    assert device_of(cookie, "ada", KEY) is None


def test_nobody_makes_such_a_cookie() -> None:
    cookie = new_device("ada", KEY)
    _, device, made, signature = cookie.split(".")
    for forged in (
        "", ".", "...", "ada", f"bob.{device}.{made}.{signature}", f"ada.{device}.{int(made) + 1}.{signature}",
        f"ada.{device}.{made}.", f"ada.{device}.{made}", cookie[:-1], cookie + "0", cookie + "é", "\udcff.\0.x.y",
    ):  # fmt: skip
        assert device_of(forged, "ada", KEY) is None
