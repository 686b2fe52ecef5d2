"""Pictures in tiles with the result of the whole: tiles, statistics of the whole picture, feature cache, memory profile, plan."""
