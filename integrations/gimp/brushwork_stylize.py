#!/usr/bin/env python3
"""A plug-in for GIMP 3: the selected layer in the style of a painting, as a new layer above it.

It calls the command `brushwork`, or `brushwork-lite`, which is installed apart from GIMP. Installation:
docs/integrations.md.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GimpUi, Gio, GLib, GObject, Gtk  # noqa: E402 - after their versions

PROCEDURE = "plug-in-brushwork-stylize"
COMMANDS = ("brushwork", "brushwork-lite")
MISSING = (
    "brushwork was not found. Install it (pip install brushwork, or pip install brushwork-lite), "
    "or enter the path of the command in the dialog."
)
# GIMP sets these for its own Python; another one would look for its modules and libraries in the wrong place.
OF_GIMP = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
HIDDEN = {"creationflags": subprocess.CREATE_NO_WINDOW} if sys.platform == "win32" else {}  # no console window
TICK = 0.1  # seconds between two looks at the command


class StylizeError(Exception):
    """What the user is told, in one line."""


class Canceled(Exception):  # noqa: N818 - no error
    """The user pressed Cancel."""


def find_command(given: str) -> str:
    """Return the path of the command: the given one, or else one that is installed.

    Raises:
        StylizeError: There is none.
    """
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path("~/.local/bin").expanduser())])
    for name in (str(Path(given).expanduser()),) if given else COMMANDS:
        found = shutil.which(name, path=places)
        if found is not None:
            return found
    raise StylizeError(f"{given} is not a command that can be run." if given else MISSING)


def style_names(command: str) -> list[str]:
    """Return the names of the built-in styles and of the user's own."""
    try:
        listed = subprocess.run(
            [command, "styles", "list", "--json"], capture_output=True, env=_environment(), timeout=60, check=True,
            **HIDDEN,
        )  # fmt: skip
        return [style["name"] for style in json.loads(listed.stdout)]
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise StylizeError(f"{command} lists no styles; is it brushwork?") from error


def stylize_arguments(photo: Path, output: Path, config: Any) -> list[str]:
    """Return the command's arguments for a layer saved as `photo`."""
    colors = config.get_property("colors")
    # After: recoloring the painting before would need the painting itself, which built-in styles don't have.
    kept = [] if colors == "painting" else ["--keep-color", colors, "--keep-color-when", "after"]
    return [
        "stylize", str(photo), "--style", config.get_property("style"), "-o", str(output), "--json",
        "--preset", config.get_property("finish"), "--strength", f"{config.get_property('strength'):g}",
        "--style-scale", f"{config.get_property('stroke-size'):g}", "--size", "full", *kept,
    ]  # fmt: skip


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in OF_GIMP}


def run_command(command: list[str], folder: Path, tick: Any) -> None:
    """Run the command, and call `tick` while it works; an exception from it ends the command.

    Raises:
        StylizeError: What the command says went wrong.
    """
    answer = folder / "answer"
    with answer.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=_environment(), **HIDDEN)
        try:
            while process.poll() is None:
                tick()
                time.sleep(TICK)
        finally:
            process.kill()  # harmless if it has ended
            process.wait()
    if process.returncode:
        raise StylizeError(_reason(answer.read_text("utf-8", "replace"), process.returncode))


def _reason(answer: str, code: int) -> str:
    lines = answer.strip().splitlines() or [f"brushwork ended with code {code}."]
    for line in reversed(lines):
        try:
            return str(json.loads(line)["error"])
        except (ValueError, KeyError, TypeError):
            continue
    return lines[-1]


def export_layer(layer: Any, path: Path) -> None:
    """Save a layer's own pixels, without its mask, opacity and mode, as a PNG."""
    alone = Gimp.Image.new(layer.get_width(), layer.get_height(), Gimp.ImageBaseType.RGB)
    try:
        copy = Gimp.Layer.new_from_drawable(layer, alone)
        alone.insert_layer(copy, None, 0)
        copy.set_offsets(0, 0)
        copy.set_visible(True)
        copy.set_opacity(100)
        copy.set_mode(Gimp.LayerMode.NORMAL)
        if copy.get_mask() is not None:
            copy.remove_mask(Gimp.MaskApplyMode.DISCARD)
        if not Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, alone, Gio.File.new_for_path(str(path)), None):
            raise StylizeError("GIMP can't save the layer to the temporary folder.")
    finally:
        alone.delete()


def insert_result(image: Any, layer: Any, path: Path, name: str) -> None:
    """Put a picture above a layer, at its place; where something is selected, its mask shows only that."""
    if not layer.is_valid():
        raise StylizeError("The layer was deleted meanwhile.")
    painted = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(str(path)))
    try:
        result = Gimp.Layer.new_from_drawable(painted.get_layers()[0], image)
    finally:
        painted.delete()
    result.set_name(name)
    image.undo_group_start()
    try:
        image.insert_layer(result, layer.get_parent(), image.get_item_position(layer))
        _, x, y = layer.get_offsets()
        result.set_offsets(x, y)
        if not Gimp.Selection.is_empty(image):
            result.add_mask(result.create_mask(Gimp.AddMaskType.SELECTION))
    finally:
        image.undo_group_end()
    Gimp.displays_flush()


def ask(procedure: Any, config: Any) -> bool:
    """Show the dialog; return whether the user pressed OK."""
    dialog = GimpUi.ProcedureDialog.new(procedure, config, "Brushwork")
    dialog.get_content_area().pack_start(_style_row(config), False, False, 6)
    dialog.fill(["strength", "stroke-size", "finish", "colors", "command"])
    try:
        return bool(dialog.run())
    finally:
        dialog.destroy()


def _style_row(config: Any) -> Any:
    """Return a field for the style: a name from the list, a blend, or a painting's file."""
    row = Gtk.Box(orientation=Gtk.Orientation.HORIZONTAL, spacing=6)
    names = Gtk.ComboBoxText.new_with_entry()
    try:
        for name in style_names(find_command(config.get_property("command"))):
            names.append_text(name)
    except StylizeError as error:  # the dialog is where the command can be named
        row.pack_end(Gtk.Label(label=str(error), wrap=True), False, False, 0)
    entry = names.get_child()
    both_ways = GObject.BindingFlags.BIDIRECTIONAL | GObject.BindingFlags.SYNC_CREATE
    config.bind_property("style", entry, "text", both_ways)
    painting = Gtk.FileChooserButton(title="A painting", action=Gtk.FileChooserAction.OPEN)
    painting.connect("file-set", lambda chooser: entry.set_text(chooser.get_filename()))
    for widget in (Gtk.Label(label="Style"), names, Gtk.Label(label="or a painting"), painting):
        row.pack_start(widget, widget is names, widget is names, 0)
    row.show_all()
    return row


@contextmanager
def waiting(text: str, interactive: bool) -> Iterator[Any]:
    """Show that work goes on; yields a function to call meanwhile, which raises Canceled."""
    Gimp.progress_init(text)
    try:
        if interactive:
            with _cancelable(text) as tick:
                yield tick
        else:
            yield Gimp.progress_pulse
    finally:
        Gimp.progress_end()


@contextmanager
def _cancelable(text: str) -> Iterator[Any]:
    window = Gtk.Dialog(title="Brushwork", modal=True)
    window.add_button("_Cancel", Gtk.ResponseType.CANCEL)
    bar = Gtk.ProgressBar(show_text=True, text=text)
    window.get_content_area().pack_start(bar, True, True, 12)
    answers: list[Any] = []
    window.connect("response", lambda _, answer: answers.append(answer))  # also when it is closed
    window.show_all()

    def tick() -> None:
        bar.pulse()
        Gimp.progress_pulse()
        while Gtk.events_pending():
            Gtk.main_iteration()
        if answers:
            raise Canceled

    try:
        yield tick
    finally:
        window.destroy()


def stylize(image: Any, layer: Any, config: Any, interactive: bool) -> None:
    """Paint a layer with the settings of the dialog.

    Raises:
        StylizeError: Why there is no result.
        Canceled: The user pressed Cancel.
    """
    command, style = find_command(config.get_property("command")), config.get_property("style")
    title = Path(style).stem if Path(style).is_file() else style
    with tempfile.TemporaryDirectory(prefix="brushwork-") as name:
        folder = Path(name)
        export_layer(layer, folder / "layer.png")
        wanted = stylize_arguments(folder / "layer.png", folder / "painted.png", config)
        with waiting(f"Painting {layer.get_name()} after {title}", interactive) as tick:
            run_command([command, *wanted], folder, tick)
        insert_result(image, layer, folder / "painted.png", f"{layer.get_name()}, {title}")


def _choice(*entries: tuple[str, str]) -> Any:
    choice = Gimp.Choice.new()
    for number, (nick, label) in enumerate(entries):
        choice.add(nick, number, label, "")
    return choice


class Brushwork(Gimp.PlugIn):
    """The plug-in, as GIMP sees it."""

    def do_set_i18n(self, name: str) -> bool:
        """Return that there are no translations."""
        return False

    def do_query_procedures(self) -> list[str]:
        """Return the name of the one procedure."""
        return [PROCEDURE]

    def do_create_procedure(self, name: str) -> Any:
        """Return the procedure, with its arguments and its place in the menu."""
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, self.run, None)
        procedure.set_image_types("RGB*, GRAY*")
        procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
        procedure.set_menu_label("_Brushwork…")
        procedure.add_menu_path("<Image>/Filters/Artistic")
        procedure.set_documentation("Render the layer in the style of a painting", __doc__, name)
        procedure.set_attribution("brushwork", "brushwork", "2026")
        flags = GObject.ParamFlags.READWRITE
        help_of_style = "A built-in style, a painting's file, or a blend: great-wave:0.7+starry-night:0.3"
        procedure.add_string_argument("style", "St_yle", help_of_style, "great-wave", flags)
        procedure.add_double_argument("strength", "S_trength", "0 is the photo", 0, 1, 1, flags)
        procedure.add_double_argument("stroke-size", "Stroke si_ze", "Smaller is finer", 0.5, 2, 1, flags)
        finish = _choice(("draft", "Draft: a moment"), ("good", "Good: seconds to minutes; needs brushwork with torch"))
        procedure.add_choice_argument("finish", "_Finish", "How much time it takes", finish, "draft", flags)
        colors = _choice(
            ("painting", "Of the painting"), ("luminance", "Of the photo: only brightness is painted"),
            ("cholesky", "Of the photo: mean and covariance"), ("histogram", "Of the photo: histogram"),
        )  # fmt: skip
        procedure.add_choice_argument("colors", "_Colors", "Whose colors", colors, "painting", flags)
        procedure.add_string_argument("command", "Co_mmand", "Path of brushwork; empty: look for it", "", flags)
        return procedure

    def run(self, procedure: Any, run_mode: Any, image: Any, drawables: Any, config: Any, data: Any) -> Any:
        """Ask, paint, and tell GIMP how it went."""
        interactive = run_mode != Gimp.RunMode.NONINTERACTIVE
        status, error = Gimp.PDBStatusType.SUCCESS, GLib.Error()
        try:
            if len(drawables) != 1 or not isinstance(drawables[0], Gimp.Layer):
                raise StylizeError("Select one layer.")
            if interactive:
                GimpUi.init(PROCEDURE)
            if run_mode == Gimp.RunMode.INTERACTIVE and not ask(procedure, config):
                raise Canceled
            stylize(image, drawables[0], config, interactive)
        except Canceled:
            status = Gimp.PDBStatusType.CANCEL
        except (StylizeError, OSError) as problem:
            status, error = Gimp.PDBStatusType.EXECUTION_ERROR, GLib.Error(str(problem))
        return procedure.new_return_values(status, error)


if __name__ == "__main__":
    Gimp.main(Brushwork.__gtype__, sys.argv)
