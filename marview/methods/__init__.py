"""The method interface, and functions shared by several methods."""
