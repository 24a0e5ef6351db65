"""The sun of a world's light: in the world, as a Sun light, or nowhere."""

SCENE = """
    import math
    import numpy as np
    light, files = part("core.panorama.light"), part("core.files.exr")
    directions = part("core.panorama.views").sphere_directions(256, slice(0, 128))
    azimuth, elevation = 2.0, 0.7
    at = np.array((math.cos(elevation) * math.cos(azimuth), math.cos(elevation) * math.sin(azimuth),
                   math.sin(elevation)))
    apart = np.arccos((directions @ at).clip(-1, 1))[..., None]
    sky = np.where(directions[..., 2:] > 0, np.array((0.3, 0.4, 0.6)), 0.2) + 0.2 * np.exp(-((apart / 0.1) ** 2))
    shown = np.where(apart < 0.05, 1.0, sky).clip(0, 1).astype(np.float32)

    def world(name, expanded=True):
        '''A picture of that sky as the scene's world: light, or 8 bits.'''
        import json
        request = {"prompt": "test", "target": "world", "files": {}, "range": "expanded" if expanded else "ldr"}
        path = HERE / (name + (".exr" if expanded else ".png"))
        if expanded:
            pixels, sun = light.expanded(shown, 8.0)
            request |= {"peak": 8.0, "sun": sun.to_json()}
            with path.open("wb") as file:
                files.write_exr(file, pixels, request, "syncdiffusion", "")
        else:
            from PIL import Image
            Image.fromarray((shown * 255).astype(np.uint8)).save(path)
        image = part("blender.images").load(path, name, json.dumps(request))
        part("blender.worlds").apply(bpy.context.scene, image)
        return bpy.context.scene.world.node_tree.nodes["SyncDiffusion Mapping"].inputs["Rotation"].default_value

    def ball():
        only_a_camera(location=(0, 0, 10), rotation=(0, 0, 0))
        bpy.context.scene.camera.data.type, bpy.context.scene.camera.data.ortho_scale = "ORTHO", 10
        bpy.ops.mesh.primitive_plane_add(size=12)
        bpy.ops.mesh.primitive_uv_sphere_add(radius=1, location=(0, 0, 1), segments=32, ring_count=16)
        bpy.context.scene.cycles.max_bounces = 0
        bpy.context.scene.view_settings.exposure = -2.0

    def shadow():
        '''Where the ball's shadow lies (degrees from +X; None where there is none), and all the light there is.'''
        bpy.context.view_layer.update()
        seen = render("shadow.png", 40, 40, 24).mean(-1)
        linear = np.where(seen <= 0.04045, seen / 12.92, ((seen + 0.055) / 1.055) ** 2.4)
        y, x = np.mgrid[0:40, 0:40]
        x, y = (x - 19.5) / 4, (19.5 - y) / 4
        ring = (np.hypot(x, y) > 1.05) & (np.hypot(x, y) < 3.5)
        dark = ring & (linear < 0.6 * np.median(linear[ring]))
        where = math.degrees(math.atan2(y[dark].mean(), x[dark].mean())) if dark.sum() > 15 else None
        return where, linear.mean()

    def apart_by(angle, other):
        return abs((angle - other + 180) % 360 - 180)
"""


LIT = (
    SCENE
    + """
    ball()
    rotation = world("light")
    settings = bpy.context.scene.syncdiffusion
"""
)


def test_the_shadow_falls_away_from_the_sun_and_turns_with_the_world(in_blender):
    in_blender(
        LIT
        + """
    away = math.degrees(math.pi - azimuth - rotation[2]) + 180
    in_world, total = shadow()
    assert apart_by(in_world, away) < 8, (in_world, away)
    settings.sun = "LAMP"
    lamp, of_lamp = shadow()
    assert apart_by(lamp, away) < 8, (lamp, away)
    assert abs(of_lamp / total - 1) < 0.1, (of_lamp, total)
    rotation[2] += math.pi / 2
    turned, _ = shadow()
    assert apart_by(turned, away - 90) < 8, (turned, away)
    settings.sun = "NONE"
    assert shadow()[0] is None
    assert [thing for thing in bpy.context.scene.objects if thing.type == "LIGHT"] == []
    settings.sun = "LAMP"
    world("flat", expanded=False)
    assert shadow()[0] is None, "8 bits cast no shadow"
    assert [thing for thing in bpy.context.scene.objects if thing.type == "LIGHT"] == []
    """
    )


def test_the_sun_light_follows_horizon_tilt_and_mirroring(in_blender):
    """The shadow of the sun in the world is where that of the lamp is, and as dark, however the picture is turned."""
    in_blender(
        LIT
        + """
    view = bpy.context.scene.world.node_tree.nodes["SyncDiffusion View"].inputs
    for horizon, tilt, mirror in ((8, 0, False), (0, 15, False), (0, 0, True), (-6, 10, True)):
        view["Horizon"].default_value, view["Tilt"].default_value = math.radians(horizon), math.radians(tilt)
        view["Mirror"].default_value = mirror
        settings.sun = "WORLD"
        in_world, total = shadow()
        settings.sun = "LAMP"
        lamp, of_lamp = shadow()
        assert apart_by(lamp, in_world) < 8, (horizon, tilt, mirror, in_world, lamp)
        assert abs(of_lamp / total - 1) < 0.1, (horizon, tilt, mirror, of_lamp, total)
        if (horizon, tilt, mirror) == (0, 0, True):
            away = math.degrees(azimuth - math.pi - rotation[2]) + 180
            assert apart_by(lamp, away) < 8, (lamp, away)
    for driven in (thing for thing in bpy.context.scene.objects if thing.type == "LIGHT"):
        curves = [*driven.animation_data.drivers, *driven.data.animation_data.drivers]
        assert len(curves) == 3 and all(curve.driver.is_simple_expression for curve in curves)
    """
    )
