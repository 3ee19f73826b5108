"""The `penstock` command: the only place that prints. It decides nothing.

`main` parses the command line and turns errors into exit codes. It loads one module of `commands`, which reads its
options, asks the packages below and shows the answer. Several commands share the other modules here: `workspace` opens
a folder, `running` runs passes over it, and `output`, `failures` and the `*_output` modules print.
"""
