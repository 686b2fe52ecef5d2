"""Networks as ONNX files, to be run without torch."""
