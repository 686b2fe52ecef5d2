from __future__ import annotations

from pathlib import Path

import pytest

from brushwork.api import doctor
from brushwork.api.doctor import examine
from brushwork.api.presets import PRESETS
from brushwork.weights import RECORDS


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("BRUSHWORK_WEIGHTS", raising=False)
    monkeypatch.setenv("BRUSHWORK_HOME", str(tmp_path))
    monkeypatch.setattr(doctor, "SPEED_TEST", 0.05)
    return tmp_path


def test_findings() -> None:
    findings = examine()
    assert "torch" in findings["packages"]
    assert findings["speed"].endswith("ms per step of 256×256 through vgg19-slim")
    assert {f"weights {name}" for name in RECORDS} <= set(findings)
    assert all(findings[f"preset {name}"].endswith(" for 1024×768") for name in PRESETS)
    assert not [name for name, finding in findings.items() if "problem" in finding or "\n" in finding]


def test_damaged_weights_are_a_finding(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "weights").mkdir()
    (home / "weights" / "vgg19-slim.safetensors").write_bytes(b"damaged")
    findings = examine()
    assert findings["weights vgg19-slim"].startswith("problem: ")
    assert findings["speed"].startswith("problem: ")
    assert "GiB" in findings["memory free"] or findings["memory free"] == "unknown"


def test_missing_weights_and_packages_are_findings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brushwork.weights.places.MODELS", home)
    monkeypatch.setattr(doctor, "PACKAGES", ("torch", "no-such-package"))
    findings = examine()
    assert findings["weights vgg19-slim"].startswith("not on this machine")
    assert findings["packages"].endswith("no-such-package missing")
    assert findings["speed"].startswith("problem: ")


def test_any_failure_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise OSError

    monkeypatch.setattr(doctor, "choose_device", fail)
    findings = examine()
    assert findings["device"] == findings["speed"] == "problem: OSError"


def test_the_user_s_interruption_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(name: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "_version", interrupt)
    with pytest.raises(KeyboardInterrupt):
        examine()
