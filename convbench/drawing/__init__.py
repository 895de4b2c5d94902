"""What pages and pictures have in common: markup, colours, styles, figures."""
