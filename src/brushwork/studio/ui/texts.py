"""All texts of the page."""

from __future__ import annotations

TITLE = "brushwork studio"
INTRO = "Turn your photo into a painting in any style. Everything stays on this machine."
LOG_OUT = "Log out"

PICTURE, VIDEO, BATCH, MY_STYLES, HISTORY = "Picture", "Video", "Batch", "My styles", "History"
STYLIZE, BLEND, MASKS = "Stylize", "Blend", "Masks"

PHOTO = "Your photo"
STYLE = "Style"
OWN_PAINTING = "Or your own painting"
LIBRARY = "Browse all styles"
QUALITY = "Quality"
QUALITIES = [("Draft (a moment)", "draft"), ("Good (seconds)", "good"), ("Best (a minute)", "best")]
METHOD = "Method"
CHOOSE_METHOD = "Choose the method yourself"
BY_QUALITY = "That of the quality"
MORE = "More options"
KEEP_COLORS = "Keep the photo's colors"
KEEP_COLORS_FILM = "Keep the video's colors"
KEEP_WAYS = [
    ("No", ""), ("Transfer brightness only", "luminance"),
    ("Recolor the style by covariance", "cholesky"), ("Recolor the style by histogram", "histogram"),
]  # fmt: skip
PROTECT_FACES = "Protect faces: finer strokes, clearer features"
BEFORE_AFTER = "Before and after"
FULL_SIZE = "Full size"
PAINT_PHOTO = "Stylize the photo"
SIZE = "Longer side of the result, at most, in pixels"

BLEND_HELP = "Mix two to four styles. The preview updates as you change them."
SHARE = "Weight of style {number}"
BLENDED = "Style {number}"
GRID = "Grid of blends"
NO_STYLE = "None"

MASK_HELP = "Load the photo into the editor, paint regions in the three colors, and choose a style for each."
TAKE_PHOTO = "Load the photo"
EDITOR = "Paint regions: red, blue, yellow"
REGIONS = ["Style of the red region", "Style of the blue region", "Style of the yellow region", "Style of the rest"]
LEAVE = "Keep the photo"
MASK_PREVIEW = "Preview regions"

FILM = "Your video"
FILM_PREVIEW = "Preview three frames"
FILM_FRAMES = "Three frames: original above, stylized below"
PAINT_FILM = "Stylize the video"
SMOOTHING = "Temporal smoothing"
SMOOTHING_HELP = "0 stylizes each frame independently"
FILM_SIZE = "Longer side of the frames, in pixels"

PHOTOS = "Your photos"
PAINT_BATCH = "Stylize all photos"
BATCH_FULL = "Full size instead of up to 1024 px"

PAINTING = "A painting"
STYLE_NAME = "Name (letters, digits, hyphens)"
STYLE_TITLE = "Title (optional)"
STYLE_ARTIST = "Artist (optional)"
ADD_STYLE = "Add to my styles"
ADDED = "{name} was added to your library and is available on every tab."
REMOVE_STYLE = "Remove"
OWN_STYLES = "Your styles"
NO_OWN_STYLES = "You haven't added any styles yet."

REFRESH = "Refresh"
CHOSEN_JOB = "Result (newest first)"
AGAIN = "Run again"
VARY = "Edit settings"
DELETE = "Delete"
RECIPE = "Recipe"
ONLY_PICTURES = "Only jobs for a single picture can be edited."

PAUSE, RESUME = "Pause", "Resume"
CANCEL, DISCARD = "Stop and keep the result so far", "Cancel and discard"
STATUS = {
    "waiting": "Queued", "running": "Running", "paused": "Paused", "interrupted": "Interrupted",
    "done": "Done", "stopped": "Stopped early; showing the result so far", "failed": "Failed",
    "canceled": "Canceled",
}  # fmt: skip
AHEAD = "{count} ahead of it"
STEP = "step {step} of {steps}"
FRAME = "frame {step} of {steps}"
PHOTO_OF = "photo {done} of {all}"
LEFT = "about {time} left"
DOWNLOAD = "Download"
AS = {"png": "PNG", "jpeg": "JPEG", "tiff": "TIFF", "mp4": "MP4", "zip": "ZIP"}
PROGRESS = "Progress of {title}"
WAITS = "{count} of your jobs can be resumed: see History."

NO_PHOTO = "Drop a photo to see it in a style."
NO_REGIONS = "Paint regions, choose their styles, and select Preview regions."
PHOTO_FIRST = "Drop a photo first."
STYLE_FIRST = "Choose a style first."
FILM_FIRST = "Drop a video first."
PHOTOS_FIRST = "Drop some photos first."
PAINT_FIRST = "Load the photo and paint a region first."
TWO_STYLES = "Choose at least two styles."
PAINTING_FIRST = "Drop a painting first."
NAME_FIRST = "Enter a name."
JOB_FIRST = "Choose a result first."
FAILED = "Something went wrong; see the log for details."

# Labels of method options; the others are labeled with their names, with spaces for underscores.
LABELS = {"style_scale": "Stroke size", "strength": "Strength", "steps": "Steps"}
METHODS = {
    "adain-lite": "AdaIN-lite: any style, fast", "adain": "AdaIN: any style, fast, looser",
    "gatys": "Gatys: slow, best quality", "conditional-instance-norm": "Many styles in one network",
    "microast": "MicroAST: requires published weights",
    "analogies": "Image analogies: a pair, before and after",
    "quilting": "Quilting: blocks of a texture",
}  # fmt: skip

WRONG_PASSWORD = "Wrong name or password."
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
