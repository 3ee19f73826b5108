"""The desired state: reads, checks and describes the YAML manifests of a repository. Calls no organisation and no git.

`loading` tells the story: `tree` finds the files, `manifest` recognises their documents and `validation` checks each
against its shape (`organization`, `flow`). `ownership` assigns flows to organisations, `sources` and `content` read the
flow files with their values, and `assembly` builds each organisation. All mistakes of a load are in one `report`.
"""
