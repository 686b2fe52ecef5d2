"""Training a network: the loop, its data and its log."""
