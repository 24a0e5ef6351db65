"""What operators and panels share: settings, preferences, the running jobs, and the builders of images and nodes."""
