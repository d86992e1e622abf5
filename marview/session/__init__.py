"""State of the application, independent of the window: open series, display and runs.

Changes emit psygnal events.
"""
