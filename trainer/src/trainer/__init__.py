"""Labelled images in, a published ONNX classifier out."""

import os

__version__ = "0.1.0"

# ONNX Runtime tells its maker of each model that it loads, unless this is set before its import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
