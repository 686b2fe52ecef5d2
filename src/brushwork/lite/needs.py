"""What the light engine leaves to torch."""

from __future__ import annotations

from brushwork.errors import UsageError

__all__ = ["needs_torch"]

# In the distribution `brushwork-lite` this module is called otherwise; in the full one torch is there.
_ADVICE = "leave out --runtime onnx" if __name__.startswith("brushwork.") else "pip install brushwork"


def needs_torch(what: str) -> UsageError:
    """Return the error for something that only the full package does.

    Args:
        what: The flag, with its value.
    """
    return UsageError(f"{what} needs torch: {_ADVICE}")
