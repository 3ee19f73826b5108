"""The operator's configuration file (`PENSTOCK_CONFIG`): repositories, and more than variables can say.

`document.py` reads the file, and reports all its mistakes at once with line and column; `repositories.py` gives each
repository its own settings. The file belongs to the operator and never comes from a repository. It holds no secret:
it names variables and files that do.
"""
