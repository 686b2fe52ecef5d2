"""A model of MicroAST with weights that a formula gives, the same bytes everywhere; a file would be 1.9 MB."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

__all__ = ["write_microast"]

WIDTH = 64
LAST = "decoder.dec3.10.bias"  # half, so that pictures are neither black nor white


def write_microast(path: Path) -> None:
    """Write the model as brushwork keeps it. Byte by byte, since recipes hold the file's SHA-256."""
    header: dict[str, object] = {"__metadata__": {"model": "microast"}}
    data = bytearray()
    for number, (name, shape) in enumerate(sorted(_shapes().items())):
        values = np.full(shape, 0.5, np.float32) if name == LAST else _values(number, shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + values.nbytes]}
        data += values.astype("<f4").tobytes()
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def _values(number: int, shape: list[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Pseudorandom numbers in about ±2/√inputs, with integers alone, so that no processor rounds otherwise."""
    bits = np.arange(1, math.prod(shape) + 1, dtype=np.uint64) + np.uint64(number << 32)
    for _ in range(3):  # the mixing of splitmix64
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    within = (bits >> np.uint64(48)).astype(np.float32) / np.float32(32768) - np.float32(1)
    power = 2 * 2.0 ** -round(math.log2(math.prod(shape[1:])) / 2) if len(shape) > 1 else 1 / 16  # a bias
    return (within * np.float32(power)).astype(np.float32)


def _shapes() -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}

    def conv(name: str, inputs: int, outputs: int, kernel: int, groups: int = 1) -> None:
        found[f"{name}.weight"], found[f"{name}.bias"] = [outputs, inputs // groups, kernel, kernel], [outputs]

    def block(name: str) -> None:
        conv(f"{name}.conv1", WIDTH, WIDTH, 3)
        conv(f"{name}.conv2", WIDTH, WIDTH, 3)

    def narrow(name: str, first: int, inputs: int, outputs: int) -> None:
        conv(f"{name}.{first}", inputs, outputs, 3, min(inputs, outputs))
        conv(f"{name}.{first + 2}", outputs, outputs, 1)

    for encoder in ("content_encoder", "style_encoder"):
        conv(f"{encoder}.enc1.0", 3, 16, 9)
        narrow(f"{encoder}.enc1", 2, 16, 32)
        narrow(f"{encoder}.enc1", 6, 32, WIDTH)
        block(f"{encoder}.enc1.10")
        block(f"{encoder}.enc2.0")
    for part in ("weight1", "bias1", "weight2", "bias2"):
        conv(f"modulator.{part}.0", WIDTH, WIDTH, 3, WIDTH)
    block("decoder.dec1")
    block("decoder.dec2")
    narrow("decoder.dec3", 1, WIDTH, 32)
    narrow("decoder.dec3", 6, 32, 16)
    conv("decoder.dec3.10", 16, 3, 9)
    return found
