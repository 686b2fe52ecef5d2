"""Work in many processes: on this machine, or on a Ray cluster. Imports no torch."""
