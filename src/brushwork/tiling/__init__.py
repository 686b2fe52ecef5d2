"""Pictures in tiles, with the result of the whole: statistics, feature cache, memory profile, plan."""
