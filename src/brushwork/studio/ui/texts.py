"""All words of the page, in one place."""

from __future__ import annotations

TITLE = "brushwork studio"
INTRO = "Your photo, in the style of a painting. Everything stays on this machine."
LOG_OUT = "Log out"

PICTURE, VIDEO, BATCH, MY_STYLES, HISTORY = "Picture", "Video", "Batch", "My styles", "History"
STYLISE, BLEND, MASKS = "Stylise", "Blend", "Masks"

PHOTO = "Your photo"
STYLE = "Style"
OWN_PAINTING = "Or a painting of your own"
LIBRARY = "Look at all styles"
METHOD = "Method"
MORE = "More options"
KEEP_COLORS = "Keep the photo's colors"
KEEP_COLORS_FILM = "Keep the film's colors"
KEEP_WAYS = [
    ("no", ""), ("the photo's colors, the picture's brightness", "luminance"),
    ("recolor the painting, by covariance", "cholesky"), ("recolor the painting, by histogram", "histogram"),
]  # fmt: skip
BEFORE_AFTER = "Before and after"
FULL_SIZE = "Full size"
BEST_QUALITY = "Best quality (Gatys)"
BEST_SIZE = "Longer side for best quality, in pixels"

BLEND_HELP = "Two to four styles and how much of each; the preview follows."
SHARE = "Share of style {number}"
BLENDED = "Style {number}"
GRID = "Grid of all between them"
NO_STYLE = "none"

MASK_HELP = "Take the photo into the editor, paint regions with the three colors, and give each a style."
TAKE_PHOTO = "Take the photo"
EDITOR = "Paint regions: red, blue, yellow"
REGIONS = ["Style of the red region", "Style of the blue region", "Style of the yellow region", "Style of the rest"]
LEAVE = "leave the photo"
MASK_PREVIEW = "Preview regions"

FILM = "Your clip"
FILM_PREVIEW = "Preview three frames"
FILM_FRAMES = "Three frames: above as they are, below painted"
PAINT_FILM = "Paint the clip"
SMOOTHING = "How still it holds"
SMOOTHING_HELP = "0 paints each frame for itself"
FILM_SIZE = "Longer side of the frames, in pixels"

PHOTOS = "Your photos"
PAINT_BATCH = "Paint them all"
BATCH_FULL = "Full size instead of up to 1024 px"

PAINTING = "A painting"
STYLE_NAME = "Its name: letters, digits, hyphens"
STYLE_TITLE = "Title (if you like)"
STYLE_ARTIST = "Artist (if you like)"
ADD_STYLE = "Add to my styles"
ADDED = "{name} is in your library now; every tab has it."
REMOVE_STYLE = "Remove"
OWN_STYLES = "Your styles"
NO_OWN_STYLES = "You have added no style yet."

REFRESH = "Refresh"
CHOSEN_JOB = "A result, the newest first"
AGAIN = "Again"
VARY = "Vary it"
DELETE = "Delete"
RECIPE = "Recipe"
ONLY_PICTURES = "Only single pictures go back to the form."

PAUSE, RESUME = "Pause", "Go on"
CANCEL, DISCARD = "Stop and keep what there is", "Cancel and discard it"
STATUS = {
    "waiting": "Waits for its turn", "running": "Painting", "paused": "Paused", "interrupted": "Interrupted",
    "done": "Done", "stopped": "Stopped early; this is as far as it came", "failed": "It failed",
    "canceled": "Canceled",
}  # fmt: skip
AHEAD = "{count} before it"
STEP = "step {step} of {steps}"
FRAME = "frame {step} of {steps}"
PHOTO_OF = "photo {done} of {all}"
LEFT = "about {time} left"
DOWNLOAD = "Download"
AS = {"png": "PNG", "jpeg": "JPEG", "tiff": "TIFF", "mp4": "MP4", "zip": "ZIP"}
PROGRESS = "Progress of {title}"
WAITS = "{count} of your jobs can be gone on with: see History."

NO_PHOTO = "Drop a photo to see it in a style."
NO_REGIONS = "Paint regions, choose their styles, and select Preview regions."
PHOTO_FIRST = "Drop a photo first."
STYLE_FIRST = "Choose a style first."
FILM_FIRST = "Drop a clip first."
PHOTOS_FIRST = "Drop some photos first."
PAINT_FIRST = "Take the photo and paint a region first."
TWO_STYLES = "Choose at least two styles."
PAINTING_FIRST = "Drop a painting first."
NAME_FIRST = "Give it a name."
JOB_FIRST = "Choose a result first."
FAILED = "It failed for a reason that the log tells."

# Options of methods that need other words than their names; the rest are called as they are, with spaces.
LABELS = {"style_scale": "Stroke size", "strength": "Strength", "steps": "Steps"}
METHODS = {
    "adain-lite": "AdaIN-lite: any style, at once", "adain": "AdaIN: any style, at once, freer",
    "gatys": "Gatys: slow, the best", "conditional-instance-norm": "Many styles in one network",
    "microast": "MicroAST: needs published weights",
}  # fmt: skip

WRONG_PASSWORD = "This name and this password don't belong together."
LOGIN_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>brushwork studio: log in</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; display: grid; place-items: center; min-height: 90vh; margin: 0; }}
form {{ display: grid; gap: .75rem; width: min(20rem, 90vw); }}
input, button {{ font: inherit; padding: .5rem; }}
</style></head>
<body><main><h1>brushwork studio</h1>{message}
<form method="post" action="/login">
<label for="name">Name</label><input id="name" name="name" autocomplete="username" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Log in</button></form></main></body></html>"""
