"""The studio's web page, built with Gradio."""
