"""Published networks to compare with, in our own words; their weights are read from files given by path."""
