# The public names, written once: `brushwork/__init__.py` loads them from here when they are first used.

from .api.analogy import analogy as analogy
from .api.interpolate import interpolate as interpolate
from .api.presets import film_preset as film_preset
from .api.presets import preset_options as preset_options
from .api.quilt import quilt as quilt
from .api.rerun import rerun as rerun
from .api.style_encoding import encode_style as encode_style
from .api.style_encoding import save_style as save_style
from .api.style_encoding import save_styles as save_styles
from .api.style_tuning import TunedStyle as TunedStyle
from .api.style_tuning import tune_style as tune_style
from .api.stylize import Result as Result
from .api.stylize import stylize as stylize
from .api.stylize_file import stylize_file as stylize_file
from .api.synthesize import synthesize as synthesize
from .api.train import Trained as Trained
from .api.train import train as train
from .augment import StyleAugment as StyleAugment
from .batch.augment_dataset import augment_dataset as augment_dataset
from .batch.run import BatchResult as BatchResult
from .batch.run import BatchStep as BatchStep
from .batch.stylize_batch import stylize_batch as stylize_batch
from .errors import (
    BrushworkError as BrushworkError,
)
from .errors import (
    Interrupted as Interrupted,
)
from .errors import (
    PictureError as PictureError,
)
from .errors import (
    SavedElsewhereError as SavedElsewhereError,
)
from .errors import (
    UsageError as UsageError,
)
from .errors import (
    WeightsError as WeightsError,
)
from .image import Picture as Picture
from .io import read_image as read_image
from .io import read_recipe as read_recipe
from .io import write_image as write_image
from .lite.page.export import export_page as export_page
from .methods import load as load
from .nn import FeatureExtractor as FeatureExtractor
from .nn import load_network as load_network
from .onnx.export import export as export
from .options.augment import AugmentOptions as AugmentOptions
from .options.batch import BatchOptions as BatchOptions
from .options.export import ExportOptions as ExportOptions
from .options.film import FilmOptions as FilmOptions
from .options.methods import (
    AdaIN as AdaIN,
)
from .options.methods import (
    AdaINLite as AdaINLite,
)
from .options.methods import (
    Analogies as Analogies,
)
from .options.methods import (
    ConditionalInstanceNorm as ConditionalInstanceNorm,
)
from .options.methods import (
    Gatys as Gatys,
)
from .options.methods import (
    Johnson as Johnson,
)
from .options.methods import (
    MicroAST as MicroAST,
)
from .options.methods import (
    Quilting as Quilting,
)
from .options.methods import (
    TextureNets as TextureNets,
)
from .options.stylize import OutputOptions as OutputOptions
from .options.stylize import StylizeOptions as StylizeOptions
from .options.training import (
    TrainAdaIN as TrainAdaIN,
)
from .options.training import (
    TrainAdaINLite as TrainAdaINLite,
)
from .options.training import (
    TrainConditional as TrainConditional,
)
from .options.training import (
    TrainJohnson as TrainJohnson,
)
from .options.training import (
    TrainTextureNets as TrainTextureNets,
)
from .registry import MethodRecord as MethodRecord
from .runtime.checkpoints import Checkpoint as Checkpoint
from .runtime.progress import Progress as Progress
from .runtime.progress import Step as Step
from .runtime.provenance import Recipe as Recipe
from .styles.library import (
    LibraryStyle as LibraryStyle,
)
from .styles.library import (
    add_style as add_style,
)
from .styles.library import (
    list_styles as list_styles,
)
from .styles.library import (
    remove_style as remove_style,
)
from .styles.regions import Regions as Regions
from .version import __version__ as __version__
from .video.keyframes import Keyframe as Keyframe
from .video.stylize_video import stylize_video as stylize_video
