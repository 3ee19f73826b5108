"""What is wanted: reads, checks and describes the YAML manifests of a repository. Calls no organisation and no git."""
