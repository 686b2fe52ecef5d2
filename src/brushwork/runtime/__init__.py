"""What every job needs of the machine: device, memory, progress, checkpoints, signals, files written atomically."""
