"""The engine: SyncDiffusion as a library. Knows nothing of Blender and never imports ``bpy``."""
