"""A history over many commits and machines: the pieces of `backfill`, dealt to a dask cluster."""
