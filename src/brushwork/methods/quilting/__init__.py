"""Efros and Freeman 2001: textures and texture transfer, stitched from blocks of a swatch."""
