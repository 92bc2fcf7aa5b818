"""Sends real photos to the page and judges how it answers."""
