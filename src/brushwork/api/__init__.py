"""The public verbs: stylize, stylize_file, interpolate, synthesize, rerun, and the recipe that each result carries."""
