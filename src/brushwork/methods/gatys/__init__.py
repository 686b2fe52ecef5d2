"""Gatys et al. 2016: style transfer by optimizing pixels."""
