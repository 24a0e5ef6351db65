"""Panoramas as worlds, and the way back."""

import numpy as np
from PIL import Image


def test_the_world_is_a_copy_with_other_surface_nodes(in_blender):
    in_blender("""
        former = bpy.context.scene.world
        former.mist_settings.start = 7.0
        tree = former.node_tree
        volume = tree.nodes.new("ShaderNodeVolumeScatter")
        tree.links.new(volume.outputs[0], tree.nodes["World Output"].inputs["Volume"])
        settings()
        ops.generate()
        world = bpy.context.scene.world
        assert world != former and former.use_fake_user
        assert world.mist_settings.start == 7.0
        nodes = world.node_tree.nodes
        assert [n for n in nodes if n.bl_idname == "ShaderNodeVolumeScatter"]
        assert len([n for n in nodes if n.bl_idname == "ShaderNodeBackground"]) == 2  # the copy's own is gone
        image = nodes["SyncDiffusion Panorama"].image
        assert tuple(image.size) == (256, 128)
        assert image.packed_file is not None
        assert [n for n in former.node_tree.nodes if n.name.startswith("SyncDiffusion")] == []
    """)


def test_restore_and_its_refusals(in_blender):
    in_blender("""
        scene = bpy.context.scene
        former = scene.world
        assert "was not made here" in refused(ops.restore_world)
        settings()
        ops.generate()
        made = scene.world
        settings(seed=418)
        ops.generate()
        assert scene.world == made, "a second picture goes into the world that is ours"
        assert made.node_tree.nodes["SyncDiffusion Panorama"].image.name.endswith("0418")
        former.name = "Renamed"
        assert ops.restore_world() == {"FINISHED"}
        assert scene.world == former
        scene.world = made
        made.node_tree.nodes.remove(made.node_tree.nodes["SyncDiffusion Panorama"])
        assert "has been changed since" in refused(ops.restore_world)
        scene.world = None
        settings()
        ops.generate()
        assert scene.world is not None
        ops.restore_world()
        assert scene.world is None
    """)


def test_a_picture_that_is_no_sphere_is_refused(in_blender):
    in_blender("""
        settings(target="IMAGE", width=192)
        ops.generate()
        world = bpy.context.scene.world
        said = refused(ops.apply_world)
        assert "192 × 64; a world is twice as wide as high" in said, said
        assert bpy.context.scene.world == world
    """)


def test_a_linked_scene_is_a_reason(in_blender):
    in_blender("""
        bpy.ops.wm.save_as_mainfile(filepath=str(HERE / "library.blend"))
        bpy.ops.wm.read_homefile(use_empty=True)
        with bpy.data.libraries.load(str(HERE / "library.blend"), link=True) as (source, target):
            target.scenes, target.worlds = source.scenes, source.worlds
        linked = next(scene for scene in bpy.data.scenes if scene.library)
        worlds = part("blender.worlds")
        assert "is linked from another file" in worlds.why_not(linked)
        # A linked world is copied, and the copy is local.
        bpy.context.scene.world = next(world for world in bpy.data.worlds if world.library)
        settings()
        ops.generate()
        assert bpy.context.scene.world.library is None
        ops.restore_world()
        assert bpy.context.scene.world.library is not None
    """)


def test_it_is_there_after_saving_and_opening(in_blender):
    in_blender("""
        settings()
        ops.generate()
        bpy.ops.wm.save_as_mainfile(filepath=str(HERE / "scene.blend"))
        for picture in (HERE / "pictures").glob("*.png"):
            picture.unlink()
        former = bpy.context.scene.world["syncdiffusion_former"].name
        bpy.ops.wm.open_mainfile(filepath=str(HERE / "scene.blend"))
        world = bpy.context.scene.world
        image = world.node_tree.nodes["SyncDiffusion Panorama"].image
        assert image.packed_file is not None and image.pixels[0] >= 0 and max(image.pixels[:400]) > 0
        assert "misty pine forest" in image["syncdiffusion"]
        assert bpy.context.scene.syncdiffusion.prompt == "misty pine forest, dawn"
        ops.restore_world()
        assert bpy.context.scene.world.name == former
    """)


def test_undo_and_redo(in_blender):
    in_blender("""
        bpy.ops.ed.undo_push(message="before")
        scene = bpy.context.scene
        former = scene.world.name
        settings()
        ops.generate()
        bpy.ops.ed.undo_push(message="after")
        made = scene.world.name
        bpy.ops.ed.undo()
        assert bpy.context.scene.world.name == former
        bpy.ops.ed.redo()
        assert bpy.context.scene.world.name == made
    """)


def test_cycles_shows_the_panorama_where_the_camera_looks_and_its_strengths_act_apart(in_blender, tmp_path):
    """The panorama is replaced by one whose columns can be told apart, the middle one white."""
    in_blender("""
        import math
        import numpy as np
        scene = bpy.context.scene
        for thing in list(bpy.data.objects):
            bpy.data.objects.remove(thing)
        bpy.ops.object.camera_add(rotation=(math.pi / 2, 0, math.radians(40)))
        scene.camera = bpy.context.object
        settings()
        ops.generate()
        nodes = scene.world.node_tree.nodes
        marked = bpy.data.images.new("marked", 360, 180)
        pixels = np.zeros((180, 360, 4), np.float32)
        pixels[:, 175:185] = 1.0
        pixels[..., 3] = 1.0
        marked.pixels.foreach_set(pixels.ravel())
        nodes["SyncDiffusion Panorama"].image = marked
        bpy.ops.mesh.primitive_plane_add(location=(-1.2856, 1.532, -0.6), rotation=(0, 0, math.radians(40)), size=1)
        scene.render.engine = "CYCLES"
        scene.cycles.device, scene.cycles.samples = "CPU", 8
        scene.view_settings.view_transform = "Standard"
        scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 90, 90, 100

        def render(name):
            scene.render.filepath = str(HERE / name)
            bpy.ops.render.render(write_still=True)

        render("both.png")
        nodes["SyncDiffusion Background"].inputs["Strength"].default_value = 0.0
        render("lighting.png")
        nodes["SyncDiffusion Background"].inputs["Strength"].default_value = 1.0
        nodes["SyncDiffusion Lighting"].inputs["Strength"].default_value = 0.0
        render("background.png")
    """)
    both, lighting, background = (
        np.asarray(Image.open(tmp_path / f"{name}.png").convert("L")).astype(float)
        for name in ("both", "lighting", "background")
    )
    white = np.flatnonzero(both[20] > 128)
    assert abs(white.mean() - 44.5) < 2
    assert np.ptp(white) < 30
    assert lighting[20].max() < 5  # no background...
    assert lighting[82:88, 40:50].min() > 20  # ... but the plane is lit
    assert background[20].max() > 200
    assert background[82:88, 40:50].max() < 5
