"""The command `camera`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import rich_click as click

from brushwork.cli.arguments import STYLE_HELP, chosen_settings
from brushwork.errors import PictureError
from brushwork.options.film import FilmOptions
from brushwork.options.flags import method_options, option_flags, options_from_flags
from brushwork.options.methods import AdaINLite

__all__ = ["camera"]

METHOD = {"adain-lite": AdaINLite}
DEFAULT = "/dev/video0"


@click.command()
@click.argument("source", required=False, default=DEFAULT)
@click.option("--style", required=True, metavar="STYLE", help=STYLE_HELP.split("; given")[0])
@click.option("--virtual", metavar="DEVICE", help="a virtual camera to write to, such as /dev/video9 (v4l2loopback)")
@click.option("--ask", metavar="SIZE", help="size to ask the camera for, such as 640x480")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="port of the page [any that is free]")
@click.option("--no-browser", is_flag=True, help="only print the page's address")
@option_flags(FilmOptions, "size", "smoothing", "keep_color", "device")
@method_options(METHOD)
def camera(
    source: str,
    style: str,
    virtual: str | None,
    ask: str | None,
    port: int,
    no_browser: bool,
    **values: Any,
) -> None:
    """Show a camera (/dev/video0, or a video file that is played as one) in a style, in the browser."""
    settings = chosen_settings("draft", None, values, [style], film=True)
    options = options_from_flags(FilmOptions, values)
    from brushwork.api.style_encoding import encode_style
    from brushwork.cli.live import frame_size, live_method
    from brushwork.cli.report import Report
    from brushwork.io.streams import StreamWriter, open_camera
    from brushwork.styles.library import list_styles
    from brushwork.video.camera import CameraServer, Controls, Newest
    from brushwork.video.live import Look, StreamReport, paint_stream

    report, told, newest = Report(as_json=False), StreamReport(), Newest()
    stream, method = open_camera(source, ask), live_method(settings, options)
    size = frame_size(stream.size, options)
    encoded = cache(lambda name: encode_style(method, name, method.sizes(*size)))
    look = Look(method, encoded(style))
    writer = StreamWriter(virtual, "v4l2", size, stream.rate, stream.colors) if virtual else None

    def change(name: str, strength: float) -> None:
        look.change(strength=strength, style=encoded(name))

    names = [
        *({style: None} | dict.fromkeys(name for name, one in list_styles().items() if METHOD.keys() & {*one.methods}))
    ]
    server = CameraServer(newest, Controls(names, style, settings.strength, change, lambda: str(told)), port)
    threading.Thread(target=server.serve_forever, name="page", daemon=True).start()
    report.say(f"{source} in the style of {style}: {server.address}  (Ctrl-C ends it)")
    if not no_browser:
        _open(server.address)
    try:
        paint_stream(
            stream, look, _shown(newest, writer), size=size, smoothing=options.smoothing,
            keep_color=options.keep_color, live=True, report=told,
        )  # fmt: skip
    finally:
        newest.end()
        stream.close()
        server.shutdown()
        server.server_close()
        report.say(str(told))
    if stream.damage:
        raise PictureError(f"{stream.damage[0]}; was the camera unplugged?")


def _shown(newest: Any, writer: Any) -> Callable[[Any, int], None]:
    """Return a function that shows a frame on the page, and writes it to the virtual camera."""

    def show(pixels: Any, milliseconds: int) -> None:
        newest.show(pixels)
        if writer is not None:
            writer.write(pixels, milliseconds)

    return show


def _open(address: str) -> None:
    import webbrowser

    webbrowser.open(address)
