"""Video: temporal smoothing, frame optimization, video metrics, and stylize_video."""
