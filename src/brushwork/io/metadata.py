"""Image metadata: EXIF, and the recipe in the XMP packet.

EXIF is parsed and rebuilt by libvips (libexif), which supports maker notes and GPS; a one-pixel PNG serves as carrier.
"""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pyvips
from PIL import Image as PillowImage

__all__ = ["attach_exif", "clean_exif", "pack_recipe", "unpack_recipe", "xmp_orientation"]

_NAMESPACE = "https://brushwork.invalid/ns/1.0/"
_TIFF = "http://ns.adobe.com/tiff/1.0/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

# Only valid for the source's pixel grid; the writer sets them again.
_STALE = {"ImageWidth", "ImageLength", "BitsPerSample", "PixelXDimension", "PixelYDimension", "Orientation"}
_STALE |= {"InteroperabilityIndex", "InteroperabilityVersion"}  # "R03" means Adobe RGB, but the output is sRGB


def clean_exif(exif: bytes, resolution: tuple[float, float] | None = None) -> bytes | None:
    """Return EXIF for upright sRGB pixels, without the thumbnail and the dimensions of the source image.

    Args:
        exif: raw EXIF bytes.
        resolution: (horizontal, vertical) in pixels per millimeter, if the file specifies it outside EXIF.

    Returns:
        Raw EXIF bytes; None if they can't be parsed.
    """
    try:
        carrier = _carrier(exif)
        if resolution is not None:
            carrier = carrier.copy(xres=resolution[0], yres=resolution[1])
        for field in _exif_fields(carrier):
            if field.startswith("exif-ifd1") or field.split("-", 2)[2] in _STALE:  # ifd1 describes the thumbnail
                carrier.remove(field)
        # Setting it to an empty blob makes libvips drop the thumbnail; removing the field would not.
        carrier.set_type(pyvips.GValue.blob_type, "jpeg-thumbnail-data", b"")
        carrier.set_type(pyvips.GValue.gint_type, "orientation", 1)
        if carrier.get_typeof("exif-ifd2-ColorSpace"):
            carrier.set_type(pyvips.GValue.gstr_type, "exif-ifd2-ColorSpace", "1")
        cleaned = pyvips.Image.pngload_buffer(carrier.pngsave_buffer(keep="exif"))
        return bytes(cleaned.get("exif-data"))
    except (pyvips.Error, UnicodeDecodeError):
        return None


def attach_exif(image: pyvips.Image, exif: bytes) -> pyvips.Image:
    """Return the image with the EXIF and its resolution set in the form that libvips saves.

    Args:
        image: any image; not modified.
        exif: raw EXIF bytes; ignored if they can't be parsed.
    """
    cleaned = clean_exif(exif)
    if cleaned is None:
        return image
    carrier = _carrier(cleaned)
    result = image.copy(xres=carrier.xres, yres=carrier.yres)
    result.set_type(pyvips.GValue.blob_type, "exif-data", cleaned)
    for field in _exif_fields(carrier):  # libvips writes the parsed fields, not the raw bytes
        result.set_type(pyvips.GValue.gstr_type, field, carrier.get(field))
    result.set_type(pyvips.GValue.gint_type, "orientation", 1)
    return result


def pack_recipe(recipe: str) -> bytes:
    """Return an XMP packet that contains the recipe.

    Args:
        recipe: JSON text.
    """
    # XML forbids some characters even when escaped; in JSON they occur only in strings, where \uXXXX is equivalent.
    legal = re.sub("[\ud800-\udfff\ufffe\uffff]", lambda match: f"\\u{ord(match[0]):04x}", recipe)
    text = escape(legal, {"\r": "&#13;"})
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">'
        f'<rdf:Description rdf:about="" xmlns:brushwork="{_NAMESPACE}">'
        f"<brushwork:recipe>{text}</brushwork:recipe>"
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()


def unpack_recipe(packet: bytes) -> str | None:
    """Return the recipe from an XMP packet; None if there is none or the packet is malformed.

    Args:
        packet: any XMP packet.
    """
    return _property(packet, f"{{{_NAMESPACE}}}recipe")


def xmp_orientation(packet: bytes) -> int | None:
    """Return the orientation from an XMP packet, 1 to 8; None if there is none or the packet is malformed.

    Args:
        packet: any XMP packet.
    """
    text = (_property(packet, f"{{{_TIFF}}}Orientation") or "").strip()
    return int(text) if text in list("12345678") else None


def _property(packet: bytes, name: str) -> str | None:
    if b"<!" in packet:  # XMP needs no entity definitions, and they allow entity expansion attacks
        return None
    try:
        root = ElementTree.fromstring(packet.strip(b"\0"))
    except (ElementTree.ParseError, ValueError):
        return None
    # Programs write a simple property as an element or as an attribute; XMP treats both forms as equivalent.
    found = root.findtext(f".//{name}") or next((e.attrib[name] for e in root.iter() if name in e.attrib), None)
    return found or None


def _carrier(exif: bytes) -> pyvips.Image:
    """Return a one-pixel image whose fields are the parsed EXIF tags; only a libvips loader can parse them."""
    buffer = io.BytesIO()
    PillowImage.new("L", (1, 1)).save(buffer, "PNG", exif=exif)
    return pyvips.Image.pngload_buffer(buffer.getvalue()).copy()


def _exif_fields(image: pyvips.Image) -> list[str]:
    return [field for field in image.get_fields() if field.startswith("exif-ifd")]
