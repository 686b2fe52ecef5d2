"""All settings as frozen dataclasses: methods, output, video and training. Does not import torch."""
