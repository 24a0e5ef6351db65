"""What is stored inside the .blend, by the policy of the preferences."""

import pytest


@pytest.mark.parametrize(
    ("policy", "packed"),
    [("APPLIED", {"world": True, "image": False}), ("ALL", {"world": True, "image": True}), ("NONE", {})],
)
def test_what_is_packed(in_blender, policy, packed):
    """An applied picture and one that is a data-block only; what is packed outlives its file."""
    in_blender(
        f"""
        import shutil
        import numpy as np
        policy, packed = {policy!r}, {packed!r}
    """
        + """
        part("blender.preferences").preferences().packing = policy
        names = {}
        for target, seed in (("world", 1), ("image", 2)):
            settings(target=target.upper(), seed=seed)
            assert ops.generate() == {"FINISHED"}
            names[target] = part("blender.session").session.finished.image
        pixels = {}
        for target, name in names.items():
            image = bpy.data.images[name]
            assert (image.packed_file is not None) == packed.get(target, False), (target, policy)
            pixels[target] = np.array(image.pixels[:])
        file = str(HERE / "scene.blend")
        bpy.ops.wm.save_as_mainfile(filepath=file)
        shutil.rmtree(HERE / "pictures")
        bpy.ops.wm.open_mainfile(filepath=file)
        for target, name in names.items():
            image = bpy.data.images[name]
            assert image.has_data is False
            if packed.get(target):
                assert np.array_equal(np.array(image.pixels[:]), pixels[target])
            else:
                assert tuple(image.size) == (0, 0), "its file is gone"
    """
    )
