"""One number an image."""
