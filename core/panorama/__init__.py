"""From a strip to a whole sphere."""
