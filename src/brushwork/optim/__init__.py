"""Pixel optimization: L-BFGS, Adam, and the coarse-to-fine pyramid."""
