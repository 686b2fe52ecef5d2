"""Gatys et al. 2016: the pixels themselves are optimized."""
