"""The cost model behind ``method="auto"``: counts of work, times what this machine needs for each."""
