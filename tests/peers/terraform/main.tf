# Flows and what they need, as a team writes it for CX as Code. The gateway leads to a simulated organisation.

terraform {
  required_providers {
    genesyscloud = {
      source = "mypurecloud/genesyscloud"
    }
  }
}

variable "host" {
  type = string
}

variable "port" {
  type = string
}

variable "greeting" {
  type    = string
  default = "Good day"
}

provider "genesyscloud" {
  oauthclient_id     = "penstock"
  oauthclient_secret = "penstock-secret"
  aws_region         = "us-east-1"
  token_pool_size    = 2

  gateway {
    protocol = "http"
    host     = var.host
    port     = var.port
  }
}

data "genesyscloud_auth_division_home" "home" {}

resource "genesyscloud_auth_division" "care" {
  name        = "Care"
  description = "Customer care"
}

resource "genesyscloud_routing_queue" "support" {
  name        = "Support"
  division_id = genesyscloud_auth_division.care.id
  description = "Calls for customer care"
}

resource "genesyscloud_architect_datatable" "hours" {
  name        = "Opening Hours"
  division_id = data.genesyscloud_auth_division_home.home.id
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
    default = "false"
  }
}

resource "genesyscloud_architect_datatable_row" "dublin" {
  datatable_id    = genesyscloud_architect_datatable.hours.id
  key_value       = "Dublin"
  properties_json = jsonencode({ "open" = true })
}

resource "genesyscloud_architect_user_prompt" "welcome" {
  name        = "Welcome"
  description = "What every caller hears first"

  resources {
    language   = "en-us"
    text       = "Good day"
    tts_string = "Good day"
  }
}

resource "genesyscloud_flow_outcome" "served" {
  name        = "Served"
  description = "The caller got an answer"
}

resource "genesyscloud_flow_milestone" "greeted" {
  name        = "Greeted"
  description = "The caller was greeted"
}

resource "genesyscloud_flow" "greeting" {
  filepath = "${path.module}/greeting.yaml"

  substitutions = {
    greeting = var.greeting
  }
}

resource "genesyscloud_flow" "front" {
  filepath = "${path.module}/front.yaml"

  depends_on = [
    genesyscloud_flow.greeting,
    genesyscloud_routing_queue.support,
  ]
}

resource "genesyscloud_flow_loglevel" "front" {
  flow_id        = genesyscloud_flow.front.id
  flow_log_level = "Base"
}

data "genesyscloud_flow" "greeting" {
  name = "Greeting"
  type = "commonmodule"

  depends_on = [genesyscloud_flow.greeting]
}

output "greeting_id" {
  value = data.genesyscloud_flow.greeting.id
}
