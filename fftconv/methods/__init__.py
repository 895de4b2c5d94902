"""The methods of convolution: a module or a folder each, listed in `registry`."""
