"""The cost model behind ``method="auto"``: counted work times what this machine needs for it."""
