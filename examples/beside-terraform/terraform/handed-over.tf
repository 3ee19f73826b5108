# Flows that were resources here until Penstock took them over: Terraform forgets them and leaves them as they are.
# These blocks can go once every state has been applied.

removed {
  from = genesyscloud_flow.care_line

  lifecycle {
    destroy = false
  }
}

removed {
  from = genesyscloud_flow.waiting_line

  lifecycle {
    destroy = false
  }
}
