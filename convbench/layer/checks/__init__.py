"""What torch expects of a layer besides its result: a check each, a finding each."""
