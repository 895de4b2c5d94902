"""Whole networks: what their convolutions take by each method, and the layers put in place."""
