"""What is said in the files for Docker is so, as far as that can be told without Docker."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from prometheus_client import REGISTRY, generate_latest

from brushwork.studio import metrics
from brushwork.studio.command import studio

ROOT = Path(__file__).parents[2]
IMAGE = (ROOT / "Dockerfile").read_text("utf-8")
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
DASHBOARD = json.loads((ROOT / "docker" / "grafana" / "brushwork.json").read_text("utf-8"))
PROCESS = {"process_resident_memory_bytes", "process_cpu_seconds_total"}  # of prometheus_client, on Linux


def flags(words: list[str]) -> list[str]:
    return [word for word in words if word.startswith("--")]


def test_every_metric_of_the_dashboard_is_there() -> None:
    for metric in (metrics.REQUESTS.labels("GET", "/", "200"), metrics.SUBMITTED.labels("picture")):
        metric.inc(0)
    metrics.REQUEST_SECONDS.labels("/")
    for gauge in (metrics.JOBS.labels("waiting"), metrics.WAITING.labels("checks"), metrics.WORKERS.labels("jobs")):
        gauge.set(gauge._value.get())
    there = {line.split("{")[0].split(" ")[0] for line in generate_latest(REGISTRY).decode().splitlines()}
    shown = " ".join(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"])
    named = set(re.findall(r"\b(?:brushwork|process)_\w+", shown))
    assert named - PROCESS <= there
    ours = {
        name for name in there if name.startswith("brushwork_") and not name.endswith(("_created", "_sum", "_count"))
    }
    assert ours <= named  # nothing is left out


def test_panels_do_not_overlap() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    assert len({(place["x"], place["y"]) for place in places}) == len(places)
    assert all(place["x"] + place["w"] <= 24 for place in places)


def test_every_flag_that_is_used_is_there() -> None:
    used = set[str]()
    for words in re.findall(r"^(?:CMD|ENTRYPOINT) (\[.*\])$", IMAGE, re.MULTILINE):
        used |= set(flags(json.loads(words)))
    used |= set(flags(SERVICES["services"]["studio"]["command"]))
    known = {flag for option in studio.params for flag in option.opts}
    assert used
    assert used <= known


@pytest.mark.parametrize("page", ["team.md", "studio.md"])
def test_every_command_of_the_docs_is_there(page: str) -> None:
    text = (ROOT / "docs" / page).read_text("utf-8")
    lines = [line.partition("#")[0] for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
             for line in block.splitlines()]  # fmt: skip
    commands = [re.split(r"brushwork studio|studio(?= users| backup)", line, maxsplit=1)[1]
                for line in lines if re.search(r"brushwork studio|run --rm", line)]  # fmt: skip
    assert commands
    for words in map(shlex.split, commands):
        names = [word for word in words[:2] if re.fullmatch(r"[a-z]+", word)]
        command: Any = studio
        for name in names:
            command = getattr(command, "commands", {}).get(name, command)
        assert CliRunner().invoke(command, ["--help"]).exit_code == 0
        known = {flag for option in command.params for flag in option.opts}
        assert set(flags(words)) <= known, words


def test_the_image_is_not_run_by_root_and_is_looked_after() -> None:
    last = IMAGE.split("\nFROM ")[-1]
    assert re.search(r"^USER studio$", last, re.MULTILINE)
    assert {"VOLUME", "HEALTHCHECK", "STOPSIGNAL"} <= set(re.findall(r"^([A-Z]+)", last, re.MULTILINE))
    service = SERVICES["services"]["studio"]
    stop = service["command"][service["command"].index("--stop-seconds") + 1]
    assert int(service["stop_grace_period"].rstrip("s")) > int(stop) + 3


def test_files_that_are_named_are_there_or_made_as_the_docs_say() -> None:
    copied = re.findall(r"^COPY ([^-].*) \S+$", IMAGE, re.MULTILINE)
    mounted = [volume.split(":")[0] for service in SERVICES["services"].values() for volume in service["volumes"]]
    named = {*" ".join(copied).split(), *(path for path in mounted if path.startswith("./"))}
    made = "./docker/metrics.token"
    assert made.removeprefix("./") in (ROOT / "docs" / "team.md").read_text("utf-8")
    assert {path for path in named - {made} if not (ROOT / path).exists()} == set()
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert {f"!{name}" for name in " ".join(copied).split()} <= set(ignored)
