"""Faces over HTTP: which are found, the mask that protects them, and a mask that was corrected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from skimage import data
from studios import picture

from brushwork.studio.client import Studio

SIZE = 200  # pixels; the studio of these tests refuses larger pictures
DRAFT = {"style": "composition-vii", "preset": "draft", "size": SIZE}


@pytest.fixture(scope="module")
def astronaut(running: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("faces") / "astronaut.png"
    Image.fromarray(data.astronaut()).resize((SIZE, SIZE)).save(path)
    with Studio(running.url) as client:
        return client.send(path)


def sent_mask(studio: Studio, path: Path, mask: np.ndarray[Any, Any]) -> str:
    Image.fromarray(mask.astype(np.uint8)).save(path)
    return studio.send(path)


def test_the_face_is_found_where_it_is(studio: Studio, astronaut: str, photo: str) -> None:
    (face,) = studio.faces(astronaut)
    assert face["probability"] > 0.7
    assert abs(face["center"]["x"] - 0.43) < 0.05  # of the portrait, by eye
    assert abs(face["center"]["y"] - 0.23) < 0.05
    assert 0.1 < face["width"] < 0.3
    left, right = sorted(eye["x"] for eye in face["eyes"])
    assert left < face["mouth"]["x"] < right
    assert studio.faces(photo) == []  # a cup of coffee


def test_the_mask_is_white_on_the_face_and_black_elsewhere(
    studio: Studio, http: httpx.Client, astronaut: str, photo: str
) -> None:
    mask = picture(studio.face_mask(astronaut))
    assert mask.shape == (SIZE, SIZE, 3)
    assert mask[46, 86].min() > 150
    assert mask[150:].max() == 0
    assert picture(studio.face_mask(photo)).max() == 0
    answer = http.get(f"uploads/{astronaut}/face-mask")
    assert answer.headers["content-type"] == "image/png"
    again = http.get(f"uploads/{astronaut}/face-mask", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304


def test_a_corrected_mask_decides_what_is_protected(studio: Studio, astronaut: str, tmp_path: Path) -> None:
    found = np.asarray(picture(studio.face_mask(astronaut)))[..., 0]
    same = sent_mask(studio, tmp_path / "same.png", found)
    lower = np.zeros((SIZE, SIZE))
    lower[120:180, 60:140] = 255
    moved = sent_mask(studio, tmp_path / "moved.png", lower)
    plain, protected, as_found, elsewhere = (
        picture(studio.preview(astronaut, **DRAFT, **more))
        for more in (
            {}, {"protect_faces": 1}, {"protect_faces": 1, "face_mask": same}, {"protect_faces": 1, "face_mask": moved},
        )
    )  # fmt: skip
    assert np.array_equal(protected, as_found)
    assert np.abs(protected - plain)[25:70, 70:105].mean() > 5
    assert np.abs(elsewhere - plain)[:100].max() < 30  # a JPEG's blocks
    assert np.abs(elsewhere - plain)[120:180, 60:140].mean() > 5


def test_a_job_takes_the_mask_and_refuses_what_makes_no_sense(
    studio: Studio, http: httpx.Client, astronaut: str, tmp_path: Path
) -> None:
    mask = sent_mask(studio, tmp_path / "mask.png", np.full((SIZE, SIZE), 255))
    job = studio.submit("picture", photo=astronaut, **DRAFT, protect_faces=0.8, face_mask=mask)
    assert studio.wait(job["id"])["status"] == "done"
    request = studio.job(job["id"]).get("request") or {}
    assert request["face_mask"] == mask
    ask = {"kind": "picture", "photo": astronaut, **DRAFT}
    for more, status in (
        ({"face_mask": mask}, 400),  # without a share of protection
        ({"face_mask": "0" * 32, "protect_faces": 0.8}, 404),
        ({"face_mask": "mask.png", "protect_faces": 0.8}, 422),
    ):
        assert http.post("jobs", json={**ask, **more}).status_code == status
    assert http.get("uploads/x/faces").status_code == 404
    assert http.get("uploads/x/face-mask").status_code == 404
