"""Labelled images in, a published ONNX classifier out."""

__version__ = "0.1.0"
