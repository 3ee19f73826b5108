"""One pass as a list of named steps; joins everything below. Prints nothing."""
