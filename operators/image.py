"""What can be done with a generated picture."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import bpy
from bpy_extras.io_utils import ExportHelper

from ..blender import screen
from ..blender.images import REQUEST
from ..blender.lists import recall_lists
from ..blender.recall import recall
from ..blender.references import recall_references
from ..blender.session import session


def chosen_image(name: str) -> bpy.types.Image | None:
    """The image of this name; without a name, the last one that was generated."""
    if not name and session.finished is not None:
        name = session.finished.image
    image = bpy.data.images.get(name)
    return image if image is not None and REQUEST in image else None


class OnImage:
    """An operator on a generated image: ``image`` names it, empty means the last one."""

    image: bpy.props.StringProperty(
        name="Image", description="A generated image; empty: the last one", options={"SKIP_SAVE"}
    )

    def chosen(self) -> bpy.types.Image | None:
        """The image; where there is none, that is reported."""
        image = chosen_image(self.image)
        if image is None:
            self.report({"ERROR"}, f'There is no generated image "{self.image}"' if self.image else NO_IMAGE)
        return image


NO_IMAGE = "Nothing has been generated yet"


class SYNCDIFFUSION_OT_recall_settings(OnImage, bpy.types.Operator):
    """Set everything as it was when the picture was made"""

    bl_idname = "syncdiffusion.recall_settings"
    bl_label = "Recall Settings"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Read the request that the image carries."""
        image = self.chosen()
        if image is None:
            return {"CANCELLED"}
        settings, request = context.scene.syncdiffusion, json.loads(image[REQUEST])
        missing = [*recall_lists(settings, request), *recall_references(settings, request)]
        recall(settings, request)
        if missing:
            self.report({"WARNING"}, f"Not on this machine, or changed since: {', '.join(missing)}")
        return {"FINISHED"}


class SYNCDIFFUSION_OT_save_image(OnImage, ExportHelper, bpy.types.Operator):
    """Save a copy of the picture, with the settings that made it inside"""

    bl_idname = "syncdiffusion.save_image"
    bl_label = "Save Image"

    filter_glob: bpy.props.StringProperty(default="*.png;*.exr", options={"HIDDEN"})

    @property
    def filename_ext(self) -> str:
        """The picture's own: it is copied, not converted."""
        image = chosen_image(self.image)
        return Path(image.filepath).suffix if image is not None else ".png"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Copy the file, or write the packed one."""
        image = self.chosen()
        if image is None:
            return {"CANCELLED"}
        target, source = Path(self.filepath), Path(bpy.path.abspath(image.filepath))
        try:
            if image.packed_file is not None:
                target.write_bytes(image.packed_file.data)
            elif not (target.exists() and source.samefile(target)):
                shutil.copyfile(source, target)
        except OSError as error:
            self.report({"ERROR"}, f"The picture could not be saved: {error.strerror or error}")
            return {"CANCELLED"}
        return {"FINISHED"}


class SYNCDIFFUSION_OT_open_image(OnImage, bpy.types.Operator):
    """Show the picture in an Image Editor"""

    bl_idname = "syncdiffusion.open_image"
    bl_label = "Open Image"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """In one that is open, else in a new window."""
        image = self.chosen()
        if image is None:
            return {"CANCELLED"}
        if bpy.app.background:
            return {"FINISHED"}
        screen.area(context, "IMAGE_EDITOR").spaces.active.image = image
        return {"FINISHED"}


CLASSES = (SYNCDIFFUSION_OT_recall_settings, SYNCDIFFUSION_OT_save_image, SYNCDIFFUSION_OT_open_image)
