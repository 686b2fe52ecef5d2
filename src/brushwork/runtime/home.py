"""The folder of the user's styles and weights."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["home"]


def home() -> Path:
    """Return BRUSHWORK_HOME, or brushwork/ in XDG_CACHE_HOME or the platform's cache; it may not exist."""
    chosen = os.environ.get("BRUSHWORK_HOME")
    if chosen:
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")  # on all systems, and also if it is relative, unlike in platformdirs
    return Path(cache).expanduser() / "brushwork" if cache else _platform_cache()


def _platform_cache() -> Path:
    try:
        from platformdirs import user_cache_path
    except ImportError:  # brushwork-lite does without; on Linux the folder is the same
        return Path.home() / ".cache" / "brushwork"
    return user_cache_path("brushwork", False, opinion=False)
