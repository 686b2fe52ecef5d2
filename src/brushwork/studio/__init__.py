"""The studio: a web page and an HTTP service for style transfer.

                                     ┌─▶ quick workers "checks": uploads, thumbnails
    page ─┐                          ├─▶ quick worker "previews": previews, swatches
          ├─▶ Service ─▶ Database ───┤
    api ──┘   (no torch)   (SQLite)  └─▶ job workers: one job after another, each on its device

The server never decodes images and never imports torch: a crash or a decompression bomb ends a worker, not the page.
"""
