"""The interface of methods, and functions that several methods use."""
