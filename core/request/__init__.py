"""From settings as given to a plan that can be carried out."""
