# Queues and data tables are managed here, flows by the manifests in ../flows.
# The client comes from GENESYSCLOUD_OAUTHCLIENT_ID, GENESYSCLOUD_OAUTHCLIENT_SECRET and GENESYSCLOUD_REGION.

terraform {
  required_version = ">= 1.7"

  required_providers {
    genesyscloud = {
      source = "mypurecloud/genesyscloud"
    }
  }
}

provider "genesyscloud" {}

variable "flows_are_live" {
  description = "Whether the flows that queues name were delivered already; false for the very first apply."
  type        = bool
  default     = true
}

# A flow is looked up by name and type, and never a resource of this configuration.
data "genesyscloud_flow" "waiting_line" {
  count = var.flows_are_live ? 1 : 0
  name  = "Waiting Line"
  type  = "inqueuecall"
}

resource "genesyscloud_routing_queue" "care" {
  name          = "Fernhill Customer Care"
  description   = "Calls of all customers"
  queue_flow_id = one(data.genesyscloud_flow.waiting_line[*].id)
}

resource "genesyscloud_architect_datatable" "sites" {
  name        = "Sites"
  description = "When each site is open"

  properties {
    name  = "key"
    type  = "string"
    title = "Site"
  }

  properties {
    name    = "open"
    type    = "boolean"
    title   = "Open"
    default = "true"
  }
}
