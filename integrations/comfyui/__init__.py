"""Nodes for ComfyUI: stylize pictures and videos, encode, blend and mask styles. Installation: docs/integrations.md."""

from .nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
