"""Pictures as backdrops: rendered, since what counts is what the camera sees."""


def test_a_backdrop_fills_the_frame_and_is_unlit(in_blender):
    in_blender("""
        import math
        import numpy as np
        camera = only_a_camera(location=(1, 2, 3), rotation=(math.radians(75), 0, math.radians(-50)))
        camera.data.shift_x = 0.1
        world = bpy.context.scene.world
        world.node_tree.nodes["Background"].inputs[0].default_value = (0, 0, 1, 1)  # blue wherever it is not filled
        scene = bpy.context.scene
        scene.render.resolution_x, scene.render.resolution_y = 64, 36
        strip, tall = picture("strip", 256, 64), picture("tall", 64, 256)
        made = []
        cases = [(strip, "PLANE", 50), (strip, "CURVED", 24), (tall, "PLANE", 50), (tall, "CURVED", 24)]
        for image, shape, lens in cases:
            while made:
                bpy.data.objects.remove(made.pop())
            camera.data.lens = lens
            settings(backdrop_shape=shape)
            ops.apply_backdrop(image=image.name)
            backdrop = bpy.data.objects[image.name]
            made.append(backdrop)
            seen = render("backdrop.png", samples=1)
            assert seen[..., 2].max() < 0.1, (image.name, shape, "the world shows")
            assert abs(seen[..., 1] - 64 / 255).max() < 0.02, "as bright as the picture"
            red = seen[18, :, 0]
            assert (np.diff(red) > -0.01).all() and red[-1] > red[0] + 0.1, "the picture is not mirrored"
        assert not (backdrop.visible_shadow or backdrop.visible_diffuse)
        # A lamp lights it no more than the world does, and what stands before it hides it.
        bpy.ops.object.light_add(type="SUN", location=(0, 0, 0))
        ahead = camera.matrix_world.to_3x3().col[2] * -1
        bpy.ops.mesh.primitive_cube_add(size=1, location=camera.location + ahead * 30)
        bpy.context.view_layer.objects.active = backdrop
        assert ops.fit_backdrop() == {"FINISHED"}
        lit = render("lit.png", samples=1)
        assert abs(lit[0] - seen[0]).max() < 0.02
        assert abs(lit - seen).max() > 0.1, "the cube is in front of it"
    """)


def test_what_cannot_have_a_backdrop(in_blender):
    in_blender("""
        camera = only_a_camera()
        image = picture("strip", 256, 64)
        settings(target="IMAGE", image_use="BACKDROP", backdrop_shape="CURVED")
        camera.data.type = "ORTHO"
        assert "is orthographic; choose Plane" in refused(ops.apply_backdrop)
        settings(target="IMAGE", image_use="BACKDROP", backdrop_shape="PLANE")
        ops.apply_backdrop(image=image.name)
        assert bpy.data.objects["strip"].dimensions.x > 5.9
        camera.data.type = "PANO"
        assert "has no flat frame" in refused(ops.generate)
        bpy.context.scene.camera = None
        assert "no camera for a backdrop to face" in refused(ops.apply_backdrop)
        assert "not a backdrop" in refused(ops.fit_backdrop)
    """)
