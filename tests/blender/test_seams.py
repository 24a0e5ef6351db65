"""Check Seam."""


def test_the_copy_has_the_join_in_its_middle(in_blender):
    printed = in_blender("""
        import numpy as np
        image = picture()  # red from left to right: its ends do not meet
        assert ops.check_seam(image=image.name) == {"FINISHED"}
        shown = bpy.data.images[image.name + " Seam"]
        assert tuple(shown.size) == (256, 128)
        red = np.empty(256 * 128 * 4, np.float32)
        shown.pixels.foreach_get(red)
        red = red.reshape(128, 256, 4)[64, :, 0]
        assert red[127] > 0.9 and red[128] < 0.1, red[120:136]
        assert ops.check_seam(image=image.name) == {"FINISHED"}
        assert len([i for i in bpy.data.images if i.name.endswith("Seam")]) == 1
        assert "There is no generated image" in refused(ops.check_seam, image="none")
    """)
    assert "Left and right: 100 % of the steps within are smaller" in printed
