"""The shapes of answers. Fields that we need are checked, all others are ignored."""
