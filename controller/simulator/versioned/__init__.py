"""Routes of the version endpoints over the state that the architect dialect uses too."""
