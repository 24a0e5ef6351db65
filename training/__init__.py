"""What makes the built-in model: data and, on top of it, training. In neither zip nor wheel."""
