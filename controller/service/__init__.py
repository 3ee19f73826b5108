"""The long-running controller: triggers, loop, HTTP. Decides nothing that one pass does not."""
