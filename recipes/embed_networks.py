#!/usr/bin/env python3
"""Put trained styles among the built-in ones: rows of the many-style network, networks of one style.

    python recipes/embed_networks.py RUN/styles24/*.safetensors RUN/feminine-wave.safetensors

Each file is a saved style that `brushwork train` wrote; its name says which built-in style it joins, whose values for
other methods, title and artist stay. How a network of one style was trained is kept in models/trained.json (--how), its
losses as models/trained/NAME-METHOD.csv (--log, the losses.csv that --log of brushwork train wrote); the record of a
network of many styles lies beside it (recipes/embed_model.py).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import brushwork
from brushwork.styles.built_in import built_in_styles
from brushwork.styles.references import read_style, write_style

MODELS = Path(brushwork.__file__).parent / "models"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("styles", type=Path, nargs="+")
    parser.add_argument("--how")
    parser.add_argument("--log", type=Path)
    args = parser.parse_args()
    unknown = [path.stem for path in args.styles if path.stem not in built_in_styles()]
    if unknown:
        parser.error(f"no built-in style is called {', '.join(unknown)}")
    for path in args.styles:
        target, new = built_in_styles()[path.stem], read_style(path)
        old = read_style(target)
        write_style(target, replace(old, values={**old.values, **new.values}, origins={**old.origins, **new.origins}))
        for method in new.methods if args.how else ():
            _record(f"{path.stem}-{method}", args.how, args.log)
        print(f"{path.stem}: {target.stat().st_size / 1e3:.0f} kB, for {', '.join(read_style(target).methods)}")


def _record(name: str, how: str, log: Path | None) -> None:
    table = MODELS / "trained.json"
    known = json.loads(table.read_text("utf-8")) if table.exists() else {}
    table.write_text(json.dumps({**known, name: how}, indent=1, sort_keys=True) + "\n", "utf-8")
    if log is not None:
        (MODELS / "trained").mkdir(exist_ok=True)
        (MODELS / "trained" / f"{name}.csv").write_bytes(log.read_bytes())


if __name__ == "__main__":
    main()
