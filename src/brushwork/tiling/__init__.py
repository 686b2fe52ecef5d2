"""Tiled processing, with the same result as the whole image: statistics, feature cache, memory profile, plan."""
