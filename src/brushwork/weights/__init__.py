"""Weights records, the local store and the import of published checkpoints. Importing this doesn't import torch."""

from brushwork.runtime.tensor_files import sha256_of
from brushwork.weights.layouts import ARCHITECTURES, Architecture
from brushwork.weights.measure_networks import MEASURE_NETWORKS
from brushwork.weights.models import Model, embedded_model, import_model, is_style_network, load_into, read_model
from brushwork.weights.places import find, locate, store_dir
from brushwork.weights.published_styles import missing_keys, transformation_tensors
from brushwork.weights.reading import Weights
from brushwork.weights.records import RECORDS, Preprocessing, WeightsRecord, get_record
from brushwork.weights.store import fetch, import_file, load, read, verify

__all__ = [
    "ARCHITECTURES",
    "MEASURE_NETWORKS",
    "RECORDS",
    "Architecture",
    "Model",
    "Preprocessing",
    "Weights",
    "WeightsRecord",
    "embedded_model",
    "fetch",
    "find",
    "get_record",
    "import_file",
    "import_model",
    "is_style_network",
    "load",
    "load_into",
    "locate",
    "missing_keys",
    "read",
    "read_model",
    "sha256_of",
    "store_dir",
    "transformation_tensors",
    "verify",
]
