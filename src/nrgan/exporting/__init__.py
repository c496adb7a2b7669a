"""Trained networks as files for other programs: ONNX, and packages of the bioimage.io model format."""
