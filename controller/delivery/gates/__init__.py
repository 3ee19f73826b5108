"""Health gates: what must hold of a new version before the change counts as done. Never a command.

`watch` waits while the version bakes or its traffic rises, and then asks each gate of the manifest. A gate answers in
the terms of `model`: `execution` launches the version once, `error_rate` counts its executions, and `http` asks a URL,
whose JSON `json_path_program` searches in a process of its own.
"""
