"""What should I call for these sizes: the page that answers at once, without a network."""
