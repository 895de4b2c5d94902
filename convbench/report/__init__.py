"""The results of this suite: tables, charts, maps, pages."""
