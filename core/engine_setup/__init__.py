"""The engine's heavy part, torch and torchvision: found, chosen, downloaded, unpacked, verified. Knows no Blender."""
