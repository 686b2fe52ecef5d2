from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from brushwork.errors import UsageError
from brushwork.weights import ARCHITECTURES, MEASURE_NETWORKS, RECORDS, get_record

UNHASHED = ("adain-decoder.normalised", "inception-art")  # their publishers name none


def test_importing_the_weights_imports_no_torch() -> None:
    code = "import sys, brushwork.weights, brushwork.cli.weights; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_record_says_all_a_user_must_know(record) -> None:
    assert record.architecture in ARCHITECTURES or record.architecture in MEASURE_NETWORKS
    assert record.licence
    assert record.paper
    assert record.about
    assert record.embedded or (
        record.url.endswith(record.file) and (record.sha256 or record.hash_prefix or record.name in UNHASHED)
    )
    assert not (record.sha256 and record.hash_prefix) or record.sha256.startswith(record.hash_prefix)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"vgg19-slim.*did you mean vgg19\.caffe"):
        get_record("vgg19.cafe")


def test_caffe_preprocessing_is_bgr_of_0_to_255_minus_its_means() -> None:
    pixels = torch.rand(2, 3, 4, 5)
    blue_first = pixels.flip(1) * 255
    expected = blue_first - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    torch.testing.assert_close(RECORDS["vgg19.caffe"].preprocessing(pixels), expected, rtol=1e-5, atol=1e-4)


def test_preprocessing_of_the_normalised_weights_changes_nothing() -> None:
    pixels = torch.rand(1, 3, 4, 5)
    assert torch.equal(RECORDS["vgg19.normalised"].preprocessing(pixels), pixels)
