"""Variations: the first is applied, another can be picked, and one is finished larger."""


def test_the_first_is_applied_and_another_can_be_picked(in_blender):
    in_blender("""
        session = part("blender.session").session
        scene, former = bpy.context.scene, bpy.context.scene.world
        settings(variations=3)
        assert ops.generate() == {"FINISHED"}
        first, second, third = session.variations
        assert session.finished is first
        assert len([image for image in bpy.data.images if "syncdiffusion" in image]) == 3

        def shown():
            return scene.world.node_tree.nodes["SyncDiffusion Panorama"].image.name

        assert shown() == first.image
        icons = part("blender.preview")
        assert [len(icons.icon_ids(done.icon)) for done in session.variations] == [2, 2, 2]
        assert ops.pick_variation(number=2) == {"FINISHED"}
        assert session.finished is third and shown() == third.image
        assert scene.world["syncdiffusion_former"] == former
        assert "There is no variation 3; there are 3" in refused(ops.pick_variation, number=3)
        bpy.data.images.remove(bpy.data.images[second.image])
        assert "The image is gone; the file is" in refused(ops.pick_variation, number=1)
        ops.generate()
        assert [done.task.batch for done in session.variations] == [2, 2, 2]
        assert icons.icon_ids(first.icon) == []
    """)


def test_finishing_asks_for_the_same_picture_larger(in_blender):
    in_blender("""
        import json
        session = part("blender.session").session
        chosen = settings()
        chosen.variations = 2
        ops.generate()
        draft = session.variations[1]
        ops.pick_variation(number=1)
        chosen.prompt, chosen.seed, chosen.target = "something else", 1, "IMAGE"
        chosen.finish_scale, chosen.finish_strength, chosen.world_size = 2.0, 0.5, 512
        assert ops.finish() == {"FINISHED"}
        request = session.finished.task.job.plan.request
        was = draft.task.job.plan.request
        assert (request.prompt, request.seed, request.target) == (was.prompt, was.seed, "world")
        assert (request.width, request.height) == (2 * was.width, 2 * was.height)
        assert (request.preset, request.strength, request.world_size) == ("balanced", 0.5, 512)
        assert request.init_image.endswith(".npz") and request.init_mode == "refine"
        assert bpy.context.scene.world.node_tree.nodes["SyncDiffusion Panorama"].image.name == session.finished.image

        # Without its latents, which are this machine's, a picture is finished from itself.
        os.unlink(request.init_image)
        assert ops.finish(image=draft.image) == {"FINISHED"}
        again = session.finished.task.job.plan.request
        assert Path(again.init_image).read_bytes() == draft.path.read_bytes()
        assert again.width == 2 * was.width
    """)


def test_a_draft_is_finished_by_the_engine(in_blender_with_engine):
    in_blender_with_engine("""
        session = part("blender.session").session
        settings(target="IMAGE")
        ops.generate()
        draft = session.finished
        assert ops.finish() == {"FINISHED"}, session.failure
        image = bpy.data.images[session.finished.image]
        assert session.finished.path != draft.path
        assert tuple(image.size) == (256, 128)
    """)


def test_a_world_is_enlarged_with_sky_and_ground_and_seen_as_before(in_blender_with_engine):
    """Upscale, to a sixteenth of its size."""
    in_blender_with_engine("""
        session, variations = part("blender.session").session, part("operators.variations")
        variations.LARGE = 512
        chosen = settings(light_range="EXPANDED", poles="GENERATE")
        ops.generate()
        small, world = session.finished, bpy.context.scene.world
        view = world.node_tree.nodes["SyncDiffusion View"].inputs
        view["Horizon"].default_value, view["Mirror"].default_value = 0.1, True
        chosen.finish_strength = 0.5
        assert ops.upscale() == {"FINISHED"}, session.failure
        image, request = bpy.data.images[session.finished.image], session.finished.task.job.plan.request
        assert tuple(image.size) == (512, 256) and session.finished.path.suffix == ".exr"
        assert (request.width, request.height, request.poles) == (512, 256, "generate")
        assert (request.strength, request.wrap, request.peak) == (0.5, "x", 8.0)
        assert Path(request.init_image).read_bytes() == small.path.read_bytes()
        assert bpy.context.scene.world == world and world.node_tree.nodes["SyncDiffusion Panorama"].image == image
        assert abs(view["Horizon"].default_value - 0.1) < 1e-6 and view["Mirror"].default_value

        settings(target="MATERIAL")
        ops.generate()
        assert "is no world; use Finish at Full Size" in refused(ops.upscale)
    """)
