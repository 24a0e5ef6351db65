"""A world's horizon, tilt and mirroring, changed in its nodes."""


def test_a_spot_of_the_panorama_moves_as_its_horizon_tilt_and_mirroring_say(in_blender):
    """A spot 10 degrees to the right of the picture's middle, on the horizon."""
    in_blender("""
        import math
        import numpy as np
        only_a_camera(rotation=(math.pi / 2, 0, math.radians(40)))
        pixels = np.zeros((360, 720, 3), np.uint8)
        pixels[178:182, 378:382] = 255
        ops.apply_world(image=picture("spot", pixels=pixels).name)
        world = bpy.context.scene.world
        world.cycles.sampling_method, world.cycles.sample_map_resolution = "MANUAL", 256
        view = world.node_tree.nodes["SyncDiffusion View"].inputs
        focal = 50 / 36 * 90

        def spot():
            '''Where it is seen, in degrees to the right and up.'''
            white = np.argwhere(render("spot.png", 90, 90, 4).mean(-1) > 0.3)
            assert len(white), "it is not seen"
            y, x = white.mean(0)
            return math.degrees(math.atan((x - 44.5) / focal)), math.degrees(math.atan((44.5 - y) / focal))

        def near(right, up):
            found = spot()
            assert abs(found[0] - right) < 0.6 and abs(found[1] - up) < 0.6, (found, right, up)

        near(10, 0)
        view["Mirror"].default_value = True
        near(-10, 0)
        view["Mirror"].default_value = False
        view["Horizon"].default_value = math.radians(5)
        near(10, 5.07)  # higher in the picture by 1 / cos 10: a row of the cylinder
        view["Horizon"].default_value = 0.0
        view["Tilt"].default_value = math.radians(30)
        near(8.68, 5.04)
    """)


def test_worlds_share_what_turns_them_and_another_picture_is_seen_alike(in_blender):
    in_blender("""
        first, second = picture(), picture("SyncD test 0418")
        ops.apply_world(image=first.name)
        made = bpy.context.scene.world
        view = made.node_tree.nodes["SyncDiffusion View"]
        view.inputs["Horizon"].default_value, view.inputs["Mirror"].default_value = 0.1, True
        ops.apply_world(image=second.name)
        assert bpy.context.scene.world == made
        assert abs(view.inputs["Horizon"].default_value - 0.1) < 1e-6 and view.inputs["Mirror"].default_value
        other = bpy.data.scenes.new("other")
        part("blender.worlds").apply(other, first)
        assert other.world.node_tree.nodes["SyncDiffusion View"].node_tree == view.node_tree
        assert other.world.node_tree.nodes["SyncDiffusion View"].inputs["Horizon"].default_value == 0.0
        assert ops.restore_world() == {"FINISHED"}, "turning it is what the panel is for"
    """)
