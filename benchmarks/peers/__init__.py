"""Programs that Penstock is compared with, each as its users run it.

- `sequential`: the script of public tutorials: one flow after another
- `sdk_loop`: Genesys' own Python SDK in a loop
- `provider_like`: a runner that waits as Genesys' provider for Terraform does
- `cx_as_code`: that provider itself, where it is installed

They know the dependencies in advance, read nothing back, export nothing, keep no journal and commit no record.
"""
