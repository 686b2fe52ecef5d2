"""Style transfer as data augmentation, for networks that should not learn textures."""

from brushwork.augment.style_augment import StyleAugment as StyleAugment

__all__ = ["StyleAugment"]
