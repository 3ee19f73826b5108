"""The shapes of answers: what we need is checked, everything else is ignored."""
