"""Panoramas as worlds, and the way back."""


def test_a_generated_world_is_a_copy_with_other_surface_nodes(in_blender):
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
        first, second = picture(), picture("SyncD test 0418")
        assert "was not made here" in refused(ops.restore_world)
        ops.apply_world(image=first.name)
        made = scene.world
        ops.apply_world(image=second.name)
        assert scene.world == made, "a second picture goes into the world that is ours"
        assert made.node_tree.nodes["SyncDiffusion Panorama"].image == second
        former.name = "Renamed"
        assert ops.restore_world() == {"FINISHED"}
        assert scene.world == former
        scene.world = made
        made.node_tree.nodes["SyncDiffusion Lighting"].inputs["Strength"].default_value = 3.0  # what the panel is for
        made.node_tree.nodes.new("ShaderNodeRGB")
        said = refused(ops.restore_world)
        assert f'The nodes of "{made.name}" have been changed since; choose the world before' in said, said
        scene.world = None
        ops.apply_world(image=first.name)
        assert ops.restore_world() == {"FINISHED"}
        assert scene.world is None
        scene.world = former
        ops.apply_world(image=first.name)
        bpy.data.worlds.remove(former)
        assert "The world before has been deleted since" in refused(ops.restore_world)
    """)


def test_into_a_users_own_nodes_goes_only_the_image(in_blender):
    in_blender("""
        own = bpy.data.worlds.new("own")
        own.use_nodes = True
        environment = own.node_tree.nodes.new("ShaderNodeTexEnvironment")
        own.node_tree.links.new(environment.outputs[0], own.node_tree.nodes["Background"].inputs[0])
        mine = environment.image = bpy.data.images.new("mine", 4, 2)
        bpy.context.scene.world = own
        nodes = len(own.node_tree.nodes)
        settings(world_mode="IMAGE_ONLY")
        first, second = picture(), picture("SyncD test 0418")
        ops.apply_world(image=first.name)
        ops.apply_world(image=second.name)
        assert bpy.context.scene.world == own and environment.image == second and len(own.node_tree.nodes) == nodes
        assert second.packed_file is not None
        environment.image = mine
        assert 'The image in "Environment Texture" has been changed since' in refused(ops.restore_world)
        environment.image = second
        assert ops.restore_world() == {"FINISHED"}
        assert environment.image == mine and list(own.keys()) == []
        settings(world_mode="COPY")
        ops.apply_world(image=first.name)
        assert bpy.context.scene.world != own and environment.image == mine
    """)


def test_a_picture_that_is_no_sphere_is_refused(in_blender):
    in_blender("""
        strip = picture("strip", 192, 64)
        world = bpy.context.scene.world
        said = refused(ops.apply_world, image=strip.name)
        assert "192 × 64; a world is twice as wide as high (192 × 96 would be)" in said, said
        assert bpy.context.scene.world == world
        strip.filepath = "//nowhere.png"
        assert 'The file of "strip" cannot be read' in refused(ops.apply_world, image=strip.name)
    """)


def test_a_linked_scene_is_a_reason_and_a_linked_world_is_made_local(in_blender):
    in_blender("""
        own = bpy.context.scene.world
        environment = own.node_tree.nodes.new("ShaderNodeTexEnvironment")
        own.node_tree.links.new(environment.outputs[0], own.node_tree.nodes["Background"].inputs[0])
        bpy.ops.wm.save_as_mainfile(filepath=str(HERE / "library.blend"))
        bpy.ops.wm.read_homefile(use_empty=True)
        with bpy.data.libraries.load(str(HERE / "library.blend"), link=True) as (source, target):
            target.scenes, target.worlds = source.scenes, source.worlds
        linked = next(scene for scene in bpy.data.scenes if scene.library)
        assert "is linked from another file" in part("blender.worlds").why_not(linked)
        scene = bpy.context.scene
        image = picture()
        for mode in ("COPY", "IMAGE_ONLY"):
            scene.world = next(world for world in bpy.data.worlds if world.library)
            settings(world_mode=mode)
            ops.apply_world(image=image.name)
            assert scene.world.library is None, mode
            ops.restore_world()
        assert scene.world.library is None  # the local copy, without the picture
        assert not part("blender.worlds").has_picture(scene.world)
    """)


def test_it_is_there_after_saving_and_opening(in_blender):
    in_blender("""
        import numpy as np
        image = picture()
        ops.apply_world(image=image.name)
        settings()
        shown = np.array(image.pixels)
        bpy.ops.wm.save_as_mainfile(filepath=str(HERE / "scene.blend"))
        for file in (HERE / "pictures").glob("*.png"):
            file.unlink()
        former = bpy.context.scene.world["syncdiffusion_former"].name
        bpy.ops.wm.open_mainfile(filepath=str(HERE / "scene.blend"))
        world = bpy.context.scene.world
        image = world.node_tree.nodes["SyncDiffusion Panorama"].image
        assert image.packed_file is not None
        assert np.array_equal(np.array(image.pixels), shown)
        assert tuple(image.preview.image_size) == (256, 128) and max(image.preview.image_pixels_float) == 1.0
        assert part("blender.history").seed_of(image) == 417
        assert bpy.context.scene.syncdiffusion.prompt == "misty pine forest, dawn"
        ops.restore_world()
        assert bpy.context.scene.world.name == former
    """)


def test_undo_takes_the_application_and_then_the_image_and_redo_brings_both_back(in_blender):
    in_blender("""
        undo = part("blender.undo")
        undo.push = lambda message: bpy.ops.ed.undo_push(message=message)  # as in a window
        settings()
        bpy.ops.ed.undo_push(message="before")
        former = bpy.context.scene.world.name
        ops.generate()
        made = bpy.context.scene.world.name
        name = part("blender.session").session.finished.image
        assert part("blender.history").active(bpy.context.scene.syncdiffusion).name == name

        def state():
            return bpy.context.scene.world.name, name in bpy.data.images

        assert state() == (made, True)
        bpy.ops.ed.undo()
        assert state() == (former, True)
        bpy.ops.ed.undo()
        assert state() == (former, False)
        assert (HERE / "pictures" / f"{name}.png").is_file()
        bpy.ops.ed.redo()
        bpy.ops.ed.redo()
        assert state() == (made, True)
    """)


def test_cycles_shows_the_panorama_where_the_camera_looks_and_its_strengths_act_apart(in_blender):
    """A panorama whose columns can be told apart: the middle ones are white."""
    in_blender("""
        import math
        import numpy as np
        camera = only_a_camera(rotation=(math.pi / 2, 0, math.radians(40)))
        pixels = np.zeros((180, 360, 3), np.uint8)
        pixels[:, 175:185] = 255
        ops.apply_world(image=picture("marked", pixels=pixels).name)
        world = bpy.context.scene.world
        world.cycles.sampling_method, world.cycles.sample_map_resolution = "MANUAL", 256  # the automatic map is large
        nodes = world.node_tree.nodes
        bpy.ops.mesh.primitive_plane_add(location=(-1.2856, 1.532, -0.6), rotation=(0, 0, math.radians(40)), size=1)

        def strengths(lighting, background):
            nodes["SyncDiffusion Lighting"].inputs["Strength"].default_value = lighting
            nodes["SyncDiffusion Background"].inputs["Strength"].default_value = background

        def middle(picture):
            white = np.flatnonzero(picture[20].mean(axis=-1) > 0.5)
            assert np.ptp(white) < 30
            return white.mean()

        both = render("both.png", 90, 90, 8)
        assert abs(middle(both) - 44.5) < 2
        strengths(1.0, 0.0)
        lighting = render("lighting.png", 90, 90, 8)
        assert lighting[20].max() < 0.02  # no background...
        assert lighting[82:88, 40:50].min() > 0.08  # ... but the plane is lit
        strengths(0.0, 1.0)
        background = render("background.png", 90, 90, 8)
        assert background[20].max() > 0.8
        assert background[82:88, 40:50].max() < 0.02
        camera.rotation_euler[2] += math.radians(90)
        bpy.context.view_layer.update()
        assert render("turned.png", 90, 90, 8)[20].max() < 0.02
        ops.face_camera()
        assert abs(middle(render("faced.png", 90, 90, 8)) - 44.5) < 2
    """)
