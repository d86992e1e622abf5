"""The panes: views of the session, one module each."""
