"""A small imitation of what the plug-in uses of `gi.repository`: images and layers of Pillow, and a dialog that agrees.

It stands in for GIMP 3, which the tests can't run. Names, arguments and results are those of the documentation of
libgimp 3.0; anything else that the plug-in might call is missing here, and fails.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from PIL import Image as Pillow

KINDS = SimpleNamespace(
    RunMode=enum.Enum("RunMode", "INTERACTIVE NONINTERACTIVE WITH_LAST_VALS"),
    PDBStatusType=enum.Enum("PDBStatusType", "EXECUTION_ERROR CALLING_ERROR PASS_THROUGH SUCCESS CANCEL"),
    PDBProcType=enum.Enum("PDBProcType", "PLUGIN"),
    ImageBaseType=enum.Enum("ImageBaseType", "RGB GRAY INDEXED"),
    LayerMode=enum.Enum("LayerMode", "NORMAL MULTIPLY"),
    MaskApplyMode=enum.Enum("MaskApplyMode", "APPLY DISCARD"),
    AddMaskType=enum.Enum("AddMaskType", "WHITE SELECTION"),
    ProcedureSensitivityMask=enum.Flag("ProcedureSensitivityMask", "DRAWABLE"),
)


class Layer:
    """A layer, with its pixels as a Pillow image."""

    def __init__(self, image: Image, pixels: Pillow.Image, name: str = "layer") -> None:
        self.image, self.pixels, self.name = image, pixels, name
        self.offsets, self.parent, self.mask = (0, 0), None, None
        self.visible, self.opacity, self.mode, self.valid = True, 100.0, KINDS.LayerMode.NORMAL, True

    @classmethod
    def new_from_drawable(cls, layer: Layer, image: Image) -> Layer:
        copy = cls(image, layer.pixels.copy(), layer.name)
        copy.offsets, copy.mask, copy.visible = layer.offsets, layer.mask, layer.visible
        copy.opacity, copy.mode = layer.opacity, layer.mode
        return copy

    def get_width(self) -> int:
        return self.pixels.width

    def get_height(self) -> int:
        return self.pixels.height

    def get_name(self) -> str:
        return self.name

    def get_offsets(self) -> tuple[bool, int, int]:
        return True, *self.offsets

    def get_parent(self) -> Any:
        return self.parent

    def get_mask(self) -> Any:
        return self.mask

    def is_valid(self) -> bool:
        return self.valid

    def set_name(self, name: str) -> None:
        self.name = name

    def set_offsets(self, x: int, y: int) -> None:
        self.offsets = x, y

    def set_visible(self, visible: bool) -> None:
        self.visible = visible

    def set_opacity(self, opacity: float) -> None:
        self.opacity = opacity

    def set_mode(self, mode: Any) -> None:
        self.mode = mode

    def remove_mask(self, mode: Any) -> None:
        assert mode is KINDS.MaskApplyMode.DISCARD
        self.mask = None

    def create_mask(self, kind: Any) -> Any:
        assert kind is KINDS.AddMaskType.SELECTION
        return self.image.selection

    def add_mask(self, mask: Any) -> None:
        self.mask = mask


class Image:
    """An image: layers from top to bottom, a selection, and how deep its undo groups are."""

    def __init__(self, width: int, height: int, base: Any = KINDS.ImageBaseType.RGB) -> None:
        self.size, self.base = (width, height), base
        self.layers: list[Layer] = []
        self.selection: Any = None
        self.deleted, self.undo, self.groups = False, 0, 0

    new = classmethod(lambda cls, *given: cls(*given))

    def insert_layer(self, layer: Layer, parent: Any, position: int) -> None:
        assert layer.image is self
        layer.parent = parent
        self.layers.insert(position, layer)

    def get_layers(self) -> list[Layer]:
        return self.layers

    def get_item_position(self, layer: Layer) -> int:
        return self.layers.index(layer)

    def undo_group_start(self) -> None:
        self.undo += 1
        self.groups += 1

    def undo_group_end(self) -> None:
        self.undo -= 1

    def delete(self) -> None:
        self.deleted = True


class Procedure:
    """A procedure: its arguments with their defaults, as its configuration holds them."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.choices: dict[str, list[str]] = {}
        self.menus: list[str] = []

    @classmethod
    def new(cls, plug_in: Any, name: str, kind: Any, run: Callable[..., Any], data: Any) -> Procedure:
        return cls()

    def set_image_types(self, types: str) -> None: ...
    def set_sensitivity_mask(self, mask: Any) -> None: ...
    def set_menu_label(self, label: str) -> None: ...
    def set_documentation(self, blurb: str, text: str, name: str) -> None: ...
    def set_attribution(self, author: str, copyright_: str, date: str) -> None: ...

    def add_menu_path(self, path: str) -> None:
        self.menus.append(path)

    def add_string_argument(self, name: str, nick: str, blurb: str, value: str, flags: Any) -> None:
        self.values[name] = value

    def add_double_argument(
        self, name: str, nick: str, blurb: str, low: float, high: float, value: float, flags: Any
    ) -> None:
        assert low <= value <= high
        self.values[name] = float(value)

    def add_choice_argument(self, name: str, nick: str, blurb: str, choice: Any, value: str, flags: Any) -> None:
        assert value in choice.nicks
        self.values[name], self.choices[name] = value, choice.nicks

    def new_return_values(self, status: Any, error: Any) -> tuple[Any, str]:
        return status, error.message


class Choice:
    """Nicks of a choice argument."""

    def __init__(self) -> None:
        self.nicks: list[str] = []

    new = classmethod(lambda cls: cls())

    def add(self, nick: str, number: int, label: str, help_: str) -> None:
        assert number == len(self.nicks)
        self.nicks.append(nick)


class Config:
    """The arguments' values of one run."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = dict(values)

    def get_property(self, name: str) -> Any:
        return self.values[name]

    def bind_property(self, name: str, entry: Any, other: str, flags: Any) -> None:
        assert other == "text"
        entry.text = self.values[name]
        entry.changed = lambda text: self.values.update({name: text})


class Widget:
    """Any widget of GTK that the plug-in uses."""

    def __init__(self, **properties: Any) -> None:
        self.properties, self.children, self.signals = properties, [], {}

    def pack_start(self, child: Any, expand: bool, fill: bool, padding: int) -> None:
        self.children.append(child)

    pack_end = pack_start

    def connect(self, signal: str, callback: Callable[..., None]) -> None:
        self.signals[signal] = callback

    def get_content_area(self) -> Widget:
        return self

    def add_button(self, label: str, answer: Any) -> None: ...
    def show_all(self) -> None: ...
    def pulse(self) -> None: ...
    def destroy(self) -> None: ...


class Combo(Widget):
    """A combo box with an entry."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    new_with_entry = classmethod(lambda cls: cls())

    def append_text(self, name: str) -> None:
        self.names.append(name)

    def get_child(self) -> Any:
        self.entry = getattr(self, "entry", None) or Entry()
        return self.entry


class Entry:
    """A field of text, bound to a property."""

    text = ""

    def set_text(self, text: str) -> None:
        self.text = text
        self.changed(text)

    def changed(self, text: str) -> None: ...


class Gi:
    """The modules, and what the plug-in did to them.

    Args:
        agree: Called with the dialog when it is shown; returns whether OK is pressed.
        while_working: Called with the window that has the Cancel button, whenever events are handled.
    """

    def __init__(self) -> None:
        self.agree: Callable[[Widget], bool] = lambda dialog: True
        self.while_working: Callable[[Widget], None] = lambda window: None
        self.images: list[Image] = []
        self.progress: list[str] = []
        self.windows: list[Widget] = []

    def modules(self) -> dict[str, ModuleType]:
        """Return what `import gi` and `from gi.repository import …` find."""
        gi, repository = ModuleType("gi"), ModuleType("gi.repository")
        gi.require_version = lambda name, version: None
        for name in ("Gimp", "GimpUi", "Gio", "GLib", "GObject", "Gtk"):
            setattr(repository, name, getattr(self, f"_{name.lower()}")())
        gi.repository = repository
        return {"gi": gi, "gi.repository": repository}

    def _gimp(self) -> SimpleNamespace:
        stub = self

        class Recorded(Image):
            def __init__(self, *given: Any) -> None:
                super().__init__(*given)
                stub.images.append(self)

        def save(mode: Any, image: Image, file: Path, options: None) -> bool:
            (layer,) = image.layers
            assert layer.pixels.size == image.size
            assert layer.offsets == (0, 0)
            assert layer.visible
            assert layer.mask is None
            layer.pixels.save(file)
            return True

        def load(mode: Any, file: Path) -> Image:
            with Pillow.open(file) as pixels:
                image = Recorded(*pixels.size)
                image.insert_layer(Layer(image, pixels.copy(), "Background"), None, 0)
            return image

        return SimpleNamespace(
            **vars(KINDS), PlugIn=object, Layer=Layer, Image=Recorded, ImageProcedure=Procedure, Choice=Choice,
            Selection=SimpleNamespace(is_empty=lambda image: image.selection is None),
            file_save=save, file_load=load, displays_flush=lambda: None,
            progress_init=self.progress.append, progress_pulse=lambda: None,
            progress_end=lambda: self.progress.append("end"),
        )  # fmt: skip

    def _gimpui(self) -> SimpleNamespace:
        stub = self

        class Dialog(Widget):
            new = classmethod(lambda cls, procedure, config, title: cls(config=config))

            def fill(self, names: list[str]) -> None:
                assert set(names) <= set(self.properties["config"].values)

            def run(self) -> bool:
                return stub.agree(self)

        return SimpleNamespace(init=lambda name: None, ProcedureDialog=Dialog)

    def _gio(self) -> SimpleNamespace:
        return SimpleNamespace(File=SimpleNamespace(new_for_path=Path))

    def _glib(self) -> SimpleNamespace:
        return SimpleNamespace(Error=lambda message="": SimpleNamespace(message=message))

    def _gobject(self) -> SimpleNamespace:
        flags = SimpleNamespace(BIDIRECTIONAL=1, SYNC_CREATE=2)
        return SimpleNamespace(ParamFlags=SimpleNamespace(READWRITE=3), BindingFlags=flags)

    def _gtk(self) -> SimpleNamespace:
        stub, pending = self, [False]

        class Window(Widget):
            def __init__(self, **properties: Any) -> None:
                super().__init__(**properties)
                stub.windows.append(self)

        def events_pending() -> bool:
            pending[0] = not pending[0]
            return pending[0]

        return SimpleNamespace(
            Dialog=Window, Box=Widget, Label=Widget, ProgressBar=Widget, FileChooserButton=Widget, ComboBoxText=Combo,
            Orientation=SimpleNamespace(HORIZONTAL=0), FileChooserAction=SimpleNamespace(OPEN=0),
            ResponseType=SimpleNamespace(CANCEL=-6),
            events_pending=events_pending, main_iteration=lambda: stub.while_working(stub.windows[-1]),
        )  # fmt: skip
