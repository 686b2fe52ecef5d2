"""Krita: the active layer in the style of a painting, as a new layer above it. For the studio's HTTP service.

Start `brushwork studio --api-only`, then run this file in Krita: Tools > Scripts > Scripter. See docs/integrations.md.
"""

import json
import tempfile
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from krita import InfoObject, Krita
from PyQt5.QtCore import QByteArray, QCoreApplication
from PyQt5.QtGui import QImage

STUDIO = "http://127.0.0.1:7860/api/v1"
WISHES = {"style": "great-wave", "preset": "good", "size": 0}  # 0: as large as the layer
EDGE = "brushwork-part"


def ask(path, body=None, kind="application/json"):
    """Return the studio's answer, as bytes; a GET without a body, else a POST."""
    try:
        with urlopen(Request(STUDIO + path, body, {"content-type": kind})) as answer:
            return answer.read()
    except HTTPError as problem:
        raise RuntimeError(json.load(problem)["detail"]) from None


document = Krita.instance().activeDocument()
layer, bounds = document.activeNode(), document.bounds()
with tempfile.TemporaryDirectory() as folder:
    file, inches = Path(folder) / "layer.png", document.resolution() / 72
    layer.save(str(file), inches, inches, InfoObject(), bounds)
    head = f'--{EDGE}\r\ncontent-disposition: form-data; name="file"; filename="layer.png"\r\n\r\n'
    body = head.encode() + file.read_bytes() + f"\r\n--{EDGE}--\r\n".encode()
photo = json.loads(ask("/uploads", body, f"multipart/form-data; boundary={EDGE}"))["id"]
job = json.loads(ask("/jobs", json.dumps({"kind": "picture", "photo": photo, **WISHES}).encode()))
while job["status"] in ("waiting", "running"):
    QCoreApplication.processEvents()  # so that Krita doesn't freeze
    time.sleep(0.2)
    job = json.loads(ask(f"/jobs/{job['id']}"))
if job["status"] != "done":
    raise RuntimeError(f"the job is {job['status']}: {job['message']}")
picture = QImage.fromData(ask(f"/jobs/{job['id']}/result?format=png")).convertToFormat(QImage.Format_ARGB32)
pixels = picture.constBits()
pixels.setsize(picture.sizeInBytes())
painted = document.createNode(f"{layer.name()}, {WISHES['style']}", "paintlayer")
painted.setColorSpace("RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc")  # whatever the document's is
layer.parentNode().addChildNode(painted, layer)
painted.setPixelData(QByteArray(bytes(pixels)), bounds.x(), bounds.y(), picture.width(), picture.height())
document.refreshProjection()
