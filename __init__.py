"""SyncDiffusion for Blender: coherent AI panoramas, as an extension, a command line and a Python library.

Importing this package costs nothing: torch is imported when a panorama is generated, and ``bpy`` never outside Blender.
"""
