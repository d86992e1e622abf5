"""The panes: views of the session, one per file."""
