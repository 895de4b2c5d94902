"""Matrix products of torch's, whose columns are the patches under the filter (im2col)."""
