"""What each verb of the command line does; `marview.cli` only reads its arguments."""
