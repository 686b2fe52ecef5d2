"""Deprecated keyword names, which still work but issue a warning."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from brushwork.errors import UsageError

__all__ = ["renamed_keywords"]

Function = TypeVar("Function", bound=Callable[..., Any])


def renamed_keywords(**names: str) -> Callable[[Function], Function]:
    """Return a decorator that accepts old keyword names and passes them on under the new ones.

    Args:
        **names: Old name → new name.

    >>> @renamed_keywords(colour="color")
    ... def paint(color: str) -> str:
    ...     return color
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     paint(colour="red")
    'red'
    """

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def renamed(*arguments: Any, **keywords: Any) -> Any:
            for old, new in names.items():
                if old in keywords:
                    if new in keywords:
                        raise UsageError(f"{old} is the old name of {new}; pass only {new}")
                    warnings.warn(f"{old} is now called {new}", DeprecationWarning, stacklevel=2)
                    keywords[new] = keywords.pop(old)
            return function(*arguments, **keywords)

        return renamed  # type: ignore[return-value]

    return decorate
