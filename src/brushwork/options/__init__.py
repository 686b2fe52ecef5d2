"""Every setting, as frozen dataclasses: of methods, output, film and training. Imports no torch."""
