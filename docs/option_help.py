"""A Griffe extension: fields of options classes are documented by their help text and allowed values."""

from importlib import import_module
from typing import Any

from griffe import Class, Docstring, Extension

from brushwork.options.base import Checked, option_of


class OptionHelp(Extension):
    """Gives each field that has an `Option` a docstring and its plain type."""

    def on_class(self, *, cls: Class, **_: Any) -> None:
        """Document the fields of a class in `brushwork.options`."""
        if not cls.module.path.startswith("brushwork.options") or "dataclass" not in cls.labels:
            return
        kind = getattr(import_module(cls.module.path), cls.name)
        for name, option in option_of(kind).items() if issubclass(kind, Checked) else ():
            field = cls.members.get(name)
            if field is not None and field.is_attribute:
                values = option.choices or (() if option.low is None and option.high is None else (option.range,))
                allowed = f" Allowed: {', '.join(map(str, values))}." if values else ""
                field.docstring = Docstring(f"{option.help[0].upper()}{option.help[1:]}.{allowed}", parent=field)
                field.annotation = field.annotation.slice.elements[0]  # of Annotated[type, Option(…)]
