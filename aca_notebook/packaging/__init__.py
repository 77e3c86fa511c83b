"""A cell becomes a bundle: what it uses is found, pinned, written down and shown before it ships."""
