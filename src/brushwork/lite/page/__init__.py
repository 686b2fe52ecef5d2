"""A web page that paints photos by itself: its parts, and how they become one file or a folder to be served."""
