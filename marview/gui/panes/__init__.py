"""The panes: views on the session, each with its own file."""
