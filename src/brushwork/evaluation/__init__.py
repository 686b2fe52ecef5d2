"""Measures of painted pictures: functions, metrics that add up over processes, and whole sets of pairs."""

from brushwork.evaluation.artifacts import clipped, flat_texture, grid_jump, halo, speckle
from brushwork.evaluation.evaluate_pictures import Evaluation, evaluate_pictures
from brushwork.evaluation.features import FeatureMeasures
from brushwork.evaluation.metrics import PictureMetric, SetMetric
from brushwork.evaluation.pictures import (
    chroma_spread,
    edges_kept,
    ms_ssim,
    palette_distance,
    patch_distance,
    ssim,
    stroke_scale,
)
from brushwork.evaluation.published import LPIPS, art_fid, lpips
from brushwork.evaluation.sets import frechet_distance, kernel_distance

__all__ = [
    "LPIPS",
    "Evaluation",
    "FeatureMeasures",
    "PictureMetric",
    "SetMetric",
    "art_fid",
    "chroma_spread",
    "clipped",
    "edges_kept",
    "evaluate_pictures",
    "flat_texture",
    "frechet_distance",
    "grid_jump",
    "halo",
    "kernel_distance",
    "lpips",
    "ms_ssim",
    "palette_distance",
    "patch_distance",
    "speckle",
    "ssim",
    "stroke_scale",
]
