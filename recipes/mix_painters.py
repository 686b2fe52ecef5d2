#!/usr/bin/env python3
"""A painter of AdaIN-lite between two: the weights of one, moved a share of the way to those of another.

    python recipes/mix_painters.py adain-lite trained.safetensors --share 0.4 -o RUN/adain-lite-film.safetensors

Works where one was trained on from the other: between them errors change smoothly (Wortsman et al. 2022, "Model soups",
arXiv:2203.05482). The coder is the first one's, and so are the codes of styles.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from brushwork.methods.adain_lite.method import NAME
from brushwork.runtime.tensor_files import write_tensors
from brushwork.weights import read_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", help="a model's name or file")
    parser.add_argument("second")
    parser.add_argument("--share", type=float, required=True, help="of the second one, 0 to 1")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    first, second = (read_model(source, NAME) for source in (args.first, args.second))
    mixed = {
        name: tensor if name.startswith("coder.") else _between(tensor, second.tensors[name], args.share)
        for name, tensor in first.tensors.items()
    }
    write_tensors(args.output, mixed, {"model": NAME, "codes": first.about.get("codes", first.sha256)})


def _between(first: torch.Tensor, second: torch.Tensor, share: float) -> torch.Tensor:
    return torch.lerp(first.float(), second.float(), share).to(first.dtype)


if __name__ == "__main__":
    main()
