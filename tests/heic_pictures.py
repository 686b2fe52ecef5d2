"""HEIC files made from scratch, since no library that the tests need can write them: HEVC by FFmpeg in HEIF boxes."""

from __future__ import annotations

import io
import struct

import av
import numpy as np


def heic(
    pixels: np.ndarray,
    *,
    brand: bytes = b"heic",
    profile: bytes | None = None,
    exif: bytes | None = None,
    quarter_turns: int | None = None,
    mirror: int | None = None,
    bits: int = 8,
) -> bytes:
    """Return a HEIC file. Source of the boxes: ISO/IEC 14496-12 and 23008-12.

    Args:
        pixels: (H, W, 3), 8 bits; both sides even.
        brand: The major brand.
        profile: ICC profile.
        exif: EXIF, beginning with its TIFF header.
        quarter_turns: Anticlockwise turns to apply on display.
        mirror: Axis to mirror about on display, after the turns: 0 vertical, 1 horizontal.
        bits: Bits per channel: 8, 10 or 12.
    """
    configuration, coded = _hevc(pixels, bits)
    height, width = pixels.shape[:2]
    properties = [configuration, _box(b"ispe", struct.pack(">III", 0, width, height))]
    if profile is not None:
        properties.append(_box(b"colr", b"prof" + profile))
    if quarter_turns is not None:
        properties.append(_box(b"irot", bytes([quarter_turns])))
    if mirror is not None:
        properties.append(_box(b"imir", bytes([mirror])))
    items = [(b"hvc1", coded)] + ([(b"Exif", bytes(4) + exif)] if exif is not None else [])
    return _boxes(brand, items, properties)


def _hevc(pixels: np.ndarray, bits: int) -> tuple[bytes, bytes]:
    """Return the hvcC box and the coded picture, nearly without loss."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:  # whose streams have the same two parts
        stream = container.add_stream("libx265", rate=1, options={"crf": "1", "x265-params": "log-level=none"})
        stream.height, stream.width = pixels.shape[:2]
        stream.pix_fmt = "yuv444p" if bits == 8 else f"yuv444p{bits}le"
        container.mux([*stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")), *stream.encode(None)])
    with av.open(io.BytesIO(file.getvalue())) as container:
        configuration = _box(b"hvcC", bytes(container.streams.video[0].codec_context.extradata))
        return configuration, b"".join(bytes(packet) for packet in container.demux(video=0) if packet.size)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def _boxes(brand: bytes, items: list[tuple[bytes, bytes]], properties: list[bytes]) -> bytes:
    start = _box(b"ftyp", brand + bytes(4) + b"mif1heic")
    entries = b"".join(
        _box(b"infe", struct.pack(">IHH", 0x02000000, number, 0) + kind + b"\0")
        for number, (kind, _) in enumerate(items, 1)
    )
    used = struct.pack(">IIHB", 0, 1, 1, len(properties)) + bytes(range(1, len(properties) + 1))
    references = _box(b"iref", bytes(4) + _box(b"cdsc", struct.pack(">HHH", 2, 1, 1))) if len(items) > 1 else b""

    def meta(first: int) -> bytes:
        places, at = b"", first
        for number, (_, content) in enumerate(items, 1):
            places += struct.pack(">HHHII", number, 0, 1, at, len(content))
            at += len(content)
        return _box(b"meta", bytes(4) + b"".join([
            _box(b"hdlr", bytes(8) + b"pict" + bytes(13)),
            _box(b"pitm", struct.pack(">IH", 0, 1)),
            _box(b"iloc", struct.pack(">IBBH", 0, 0x44, 0, len(items)) + places),
            _box(b"iinf", struct.pack(">IH", 0, len(items)) + entries),
            references,
            _box(b"iprp", _box(b"ipco", b"".join(properties)) + _box(b"ipma", used)),
        ]))  # fmt: skip

    first = len(start) + len(meta(0)) + 8
    return start + meta(first) + _box(b"mdat", b"".join(content for _, content in items))
