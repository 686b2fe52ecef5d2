"""Training in several processes has the losses of one, and goes on in another number of them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from brushwork import Picture, write_image
from brushwork.api.train import prepare
from brushwork.options.training import TrainJohnson
from brushwork.styles.references import read_style
from brushwork.training.loop import Report, Trainer

SETTINGS = TrainJohnson(steps=6, batch=2, side=64, width=4, blocks=1, style_size=64, save_every=2, precision="float32")


class StopError(Exception):
    pass


def torchrun(folder: Path, output: str, *more: str, nodes: int = 1) -> list[float]:
    """Train with two processes, on one machine or as two machines, and return the losses that were told."""
    flags = "--steps 6 --batch 2 --side 64 --width 4 --blocks 1 --style-size 64 --save-every 2 --precision float32"
    places: list[list[str]] = [["--standalone", "--nproc-per-node", "2"]]
    if nodes == 2:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        meeting = ["--nnodes", "2", "--nproc-per-node", "1", "--master-addr", "127.0.0.1", "--master-port", str(port)]
        places = [[*meeting, "--node-rank", str(rank)] for rank in (0, 1)]
    running = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "torch.distributed.run", *place),
                *("-m", "brushwork", "train", "johnson", "--style", "wave.png", "--photos", str(folder)),
                *("-o", output, "--device", "cpu", "--json", *flags.split(), *more),
            ],
            cwd=folder.parent, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        for place in places
    ]  # fmt: skip
    ended = [process.communicate(timeout=300) for process in running]
    assert all(process.returncode == 0 for process in running), ended
    said = [json.loads(line) for out, _ in ended for line in out.splitlines() if line.startswith("{")]
    assert sum("output" in line for line in said) == 1  # the first process alone reports
    return [line["loss"] for line in said if "loss" in line]


def alone(folder: Path, output: str) -> Trainer:
    """Return the training of `torchrun`, for this process."""
    return prepare([folder.parent / "wave.png"], folder, folder.parent / output, SETTINGS, device="cpu")


@pytest.mark.parametrize("nodes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_several_processes_have_the_losses_of_one(nodes: int, folder: Path, tmp_path: Path) -> None:
    write_image(Picture(torch.rand(1, 3, 70, 64)), tmp_path / "wave.png")
    losses = torchrun(folder, "both.safetensors", nodes=nodes)
    one = alone(folder, "alone.safetensors")
    one.run()
    assert losses[0] == pytest.approx(one.state.losses[0], rel=1e-3)
    assert losses[-1] == pytest.approx(one.state.losses[-1], rel=1e-3)
    assert read_style(tmp_path / "both.safetensors").methods == ["johnson"]


@pytest.mark.slow
def test_another_number_of_processes_goes_on(folder: Path, tmp_path: Path) -> None:
    write_image(Picture(torch.rand(1, 3, 70, 64)), tmp_path / "wave.png")

    def stop(report: Report) -> None:
        if report.step == 3:
            raise StopError

    halted, whole = alone(folder, "halted.safetensors"), alone(folder, "whole.safetensors")
    with pytest.raises(StopError):
        halted.run(stop)
    whole.run()
    losses = torchrun(folder, "halted.safetensors", "--resume")
    assert losses[-1] == pytest.approx(whole.state.losses[-1], rel=1e-3)
