#!/usr/bin/env python3
"""Put a trained model among those that come with brushwork: its weights, its log, and a record of how it came about.

    python recipes/embed_model.py RUN adain-lite --how "recipes/adain_lite.toml, 8,000 steps of 4 pictures"

RUN is the folder of the model and of its losses: losses.csv, which --log of brushwork train writes, or log.csv. What
is said with --how is added to the history of the record that is there; --anew starts a history.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import brushwork

MODELS = Path(brushwork.__file__).parent / "models"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--how", action="append", required=True, help="a step of its history")
    parser.add_argument("--anew", action="store_true")
    args = parser.parse_args()
    target = MODELS / f"{args.name}.safetensors"
    record = target.with_suffix(".json")
    content, log = (args.run / target.name).read_bytes(), _log(args.run).read_bytes()
    before = {} if args.anew or not record.exists() else json.loads(record.read_text("utf-8"))
    facts = {
        **before,
        "record": args.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "history": [*before.get("history", []), *args.how],
        "log": f"{args.name}.csv",
    }
    record.unlink(missing_ok=True)  # a model without a record is no error; one with another's is
    _replace(target, content)
    _replace(target.with_suffix(".csv"), log)
    _replace(record, (json.dumps(facts, indent=1) + "\n").encode())
    print(f"{target}: {len(content) / 1e6:.2f} MB")


def _log(run: Path) -> Path:
    """The table of losses, as recipes or brushwork train --log call it."""
    return next(path for path in (run / "log.csv", run / "losses.csv") if path.exists())


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(content)
    temporary.replace(path)


if __name__ == "__main__":
    main()
