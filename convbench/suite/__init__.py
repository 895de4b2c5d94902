"""What this suite is: the facts that the rooms for any asv suite are told."""
