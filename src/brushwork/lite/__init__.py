"""AdaIN-lite without torch: onnxruntime, NumPy and Pillow only. Also the distribution `brushwork-lite`."""
