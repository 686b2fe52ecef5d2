"""The studio: a web page for people who have a photo and want a picture, and the same as a service.

                                  ┌─▶ quick workers "checks": uploads, thumbnails
    page ─┐                       ├─▶ quick worker "previews": previews, swatches
          ├─▶ Service ─▶ Store ───┤
    api ──┘   (no torch)  (SQLite)└─▶ job worker: one job after another

The server never decodes a picture and never imports torch: a crash or a bomb takes a worker down, not the page.
"""
