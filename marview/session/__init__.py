"""The state of the application, independent of the window: open series, display, runs; changes are psygnal events."""
