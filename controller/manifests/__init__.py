"""What is wanted: reads, checks and describes the YAML manifests of a repository. Calls no organisation and no git."""

from controller.manifests.loading import Desired, load
from controller.manifests.regions import REGIONS
from controller.manifests.schema import json_schema
from controller.manifests.shape import API_VERSION
from controller.manifests.substitutions import VALUE_PREFIX
from controller.manifests.tree import manifest_files

__all__ = ["API_VERSION", "REGIONS", "VALUE_PREFIX", "Desired", "json_schema", "load", "manifest_files"]
