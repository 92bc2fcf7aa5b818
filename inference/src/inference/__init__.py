"""Serves the published ONNX model over HTTP."""
