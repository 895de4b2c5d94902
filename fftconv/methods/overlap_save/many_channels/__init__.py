"""Correlations of many channels: small tiles, and one complex matrix product per frequency."""
