"""Worlds and materials as assets."""

from __future__ import annotations

from typing import Any

import bpy

from ..blender import assets, material_nodes, materials, world_nodes, worlds

KINDS = (("WORLD", "World", "The scene's world"), ("MATERIAL", "Material", "The active object's material"))


class SYNCDIFFUSION_OT_mark_asset(bpy.types.Operator):
    """Mark as an asset, with the picture as its preview, in the catalog SyncDiffusion"""

    bl_idname = "syncdiffusion.mark_asset"
    bl_label = "Mark as Asset"
    bl_options = {"REGISTER", "UNDO"}

    kind: bpy.props.EnumProperty(name="Kind", items=KINDS, options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Mark it, and name the catalog in the library of the file."""
        thing, node = self._chosen(context)
        if thing is None:
            what = "scene's world" if self.kind == "WORLD" else "active object's material"
            self.report({"ERROR"}, f"The {what} was not made here, or is linked: mark it in the Asset Browser")
            return {"CANCELLED"}
        assets.mark(thing, self.kind, thing.node_tree.nodes[node].image)
        try:
            named = assets.add_catalog(self.kind)
        except OSError as error:
            self.report({"WARNING"}, f"The catalog could not be written: {error.strerror or error}")
            return {"FINISHED"}
        if not named:
            self.report({"INFO"}, "Marked; save the file and mark it again to name its catalog")
        return {"FINISHED"}

    def _chosen(self, context: bpy.types.Context) -> tuple[Any, str]:
        """The data-block of ours, with the name of the node that has its picture; None where there is none."""
        if self.kind == "WORLD":
            world = context.scene.world
            return (world if worlds.is_ours(world) and world.library is None else None), world_nodes.TEXTURE
        material = context.object.active_material if context.object is not None else None
        ours = materials.is_ours(material) and material.library is None
        return (material if ours else None), material_nodes.TEXTURE


CLASSES = (SYNCDIFFUSION_OT_mark_asset,)
