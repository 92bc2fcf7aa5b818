"""The three services as plain processes."""
