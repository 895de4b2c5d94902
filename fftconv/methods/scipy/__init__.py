"""The methods that scipy computes, plane by plane."""
