#!/usr/bin/env python3
"""Make the built-in styles: Gram matrices through the embedded network, in models/styles.

    python recipes/embed_styles.py --pictures DIR

DIR holds the paintings by the file names below (public domain; WikiArt's pictures, as collected in
BathVisArtData/PeopleArt). Run it again whenever vgg19-slim changes: a style belongs to the weights it was made with.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import brushwork
from brushwork import Gatys, encode_style, load, save_style

SIZES = [128, 256, 512, 1024]  # longer sides of results; other sizes take the nearest
STYLES = {
    "april-evening": ("umberto-boccioni_april-evening-1908.jpg", "April Evening", "Umberto Boccioni", "1908"),
    "feminine-wave": ("katsushika-hokusai_femenine-wave.jpg", "Feminine Wave", "Katsushika Hokusai", "1845"),
    "memories-of-the-caucasus": (
        "oleksandr-bogomazov_memories-of-the-caucasus-1916.jpg",
        "Memories of the Caucasus",
        "Oleksandr Bogomazov",
        "1916",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    pictures = parser.parse_args().pictures
    folder = Path(brushwork.__file__).parent / "models" / "styles"
    folder.mkdir(exist_ok=True)
    method = load(Gatys(precision="float32"))
    for name, (file, title, artist, year) in STYLES.items():
        value = encode_style(method, pictures / file, SIZES)
        about = {"title": title, "artist": artist, "year": year, "source": f"WikiArt via PeopleArt, {file}"}
        save_style(folder / f"{name}.safetensors", method, value, **about)
        print(f"{name}: {(folder / f'{name}.safetensors').stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
