"""The studio's page, made with Gradio."""
