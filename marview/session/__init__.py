"""The application without a window: what is open, what is shown, what runs; changes are psygnal events."""
