"""Trains and manages models in a Kubernetes cluster."""
