"""Loss terms: functions from tensors to a scalar, independent of networks and files."""
