#!/usr/bin/env python3
"""A painter of AdaIN-lite between two: the weights of one, moved a share of the way to those of another.

    python recipes/mix_painters.py adain-lite trained.safetensors --share 0.4 -o RUN/adain-lite-film.safetensors
    python recipes/mix_painters.py later.safetensors trained.safetensors --base earlier.safetensors --share 0.7 -o FILE

With --base, what the training of the second one changed since then is added to the first one.

Works where one was trained on from the other: between them errors change smoothly (Wortsman et al. 2022, "Model soups",
arXiv:2203.05482). The coder is the first one's, and so are the codes of styles.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from quantize_vgg19 import packed

from brushwork.methods.adain_lite.method import NAME
from brushwork.runtime.tensor_files import read_tensors, write_tensors
from brushwork.weights import read_model

CODER = "coder."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", help="a model's name or file")
    parser.add_argument("second")
    parser.add_argument("--base", help="what the second one was trained on from, if not from the first one")
    parser.add_argument("--share", type=float, required=True, help="of the second one, 0 to 1")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    first, second, base = (read_model(source, NAME) for source in (args.first, args.second, args.base or args.first))
    written = read_tensors(first.path)  # the style encoder is copied as it is there, in 8 bits or 16
    moved = {
        name: tensor.float() + args.share * (second.tensors[name].float() - base.tensors[name].float())
        for name, tensor in first.tensors.items()
        if not name.startswith(CODER)
    }
    in_8_bits = any(tensor.dtype == torch.int8 for tensor in written.values())
    painter = packed(moved) if in_8_bits else {name: tensor.half() for name, tensor in moved.items()}
    about = dict(first.about) | {"codes": first.about.get("codes", first.sha256)}
    write_tensors(args.output, {k: v for k, v in written.items() if k.startswith(CODER)} | painter, about)


if __name__ == "__main__":
    main()
