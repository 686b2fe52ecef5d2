"""Films: temporal smoothing, frame optimization, film metrics, and stylize_video."""
