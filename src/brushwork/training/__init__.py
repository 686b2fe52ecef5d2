"""Training networks: the training loop, its data and its logs."""
