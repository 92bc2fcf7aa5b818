"""Serves the published ONNX model over HTTP."""

import os

# ONNX Runtime tells its maker of each model that it loads, unless this is set before its import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
