# Both exporters of CX as Code: files with a variable for each path, and files with the flows' own text.

resource "genesyscloud_tf_export" "legacy" {
  directory                          = "${path.root}/exported-legacy"
  export_format                      = "hcl"
  include_filter_resources           = ["genesyscloud_flow"]
  use_legacy_architect_flow_exporter = true
}

resource "genesyscloud_tf_export" "files" {
  directory                          = "${path.root}/exported-files"
  export_format                      = "hcl"
  include_filter_resources           = ["genesyscloud_flow::INBOUNDCALL_Front"]
  enable_dependency_resolution       = true
  include_state_file                 = true
  use_legacy_architect_flow_exporter = false
}
