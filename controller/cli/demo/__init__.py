"""`penstock demo`: the main job from start to finish, on a git remote and an organisation of its own.

Every chapter checks what it shows; the first one that does not hold ends the demo with an error.
"""
