"""Shared runtime services: device, memory, progress, checkpoints, signals, atomic file writes."""
