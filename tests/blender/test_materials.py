"""Pictures as materials."""


def test_selected_objects_get_a_material_in_their_active_slot(in_blender):
    """Through the engine, on objects of which one has no UV map, one is deleted and one cannot take a material."""
    in_blender("""
        session, pump = part("blender.session").session, part("blender.pump")
        things = []
        for number in range(3):
            bpy.ops.mesh.primitive_cube_add()
            things.append(bpy.context.object)
        old = bpy.data.materials.new("old")
        for material in (bpy.data.materials.new("first"), bpy.data.materials.new("second"), old):
            things[1].data.materials.append(material)
        things[1].active_material_index = 2
        bpy.ops.mesh.primitive_uv_sphere_add()
        sphere = bpy.context.object
        while sphere.data.uv_layers:
            sphere.data.uv_layers.remove(sphere.data.uv_layers[0])
        bpy.ops.object.light_add()
        for thing in (*things[:2], sphere):
            thing.select_set(True)
        settings(target="MATERIAL", mapping="BOX", texture_scale=2.0, bump_strength=0.5, width=128, height=128)
        submit(417)
        bpy.ops.object.select_all(action="DESELECT")
        things[2].select_set(True)
        bpy.data.objects.remove(things[0])
        pump.run_to_end()
        message = session.finished.message
        assert message == "Applied to 2 objects; 2 are linked, gone or cannot take it", message
        material = sphere.active_material
        assert things[1].material_slots[2].material == material and things[2].active_material is None
        assert [slot.material.name for slot in things[1].material_slots][:2] == ["first", "second"]
        assert old.use_fake_user
        nodes = material.node_tree.nodes
        texture, shader = nodes["SyncDiffusion Texture"], nodes["SyncDiffusion Shader"]
        assert texture.projection == "BOX" and tuple(texture.image.size) == (128, 128)
        assert texture.image.packed_file is not None
        assert nodes["SyncDiffusion Scale"].outputs[0].default_value == 2.0
        assert shader.inputs["Base Color"].links[0].from_node == texture
        bump = shader.inputs["Normal"].links[0].from_node
        assert bump.inputs["Strength"].default_value == 0.5 and "Derived from Luminance" in bump.label
    """)


def test_mappings_and_how_dense_the_picture_lies(in_blender):
    """A cube of 2 m; the picture is 256 pixels wide and repeats twice."""
    in_blender("""
        import math
        materials = part("blender.materials")
        image = picture(width=256, height=256)
        only_a_camera(location=(0, -10, 0))
        bpy.context.scene.render.resolution_x = bpy.context.scene.render.resolution_y = 100
        for mapping, expected in (
            ("BOX", 256 * 2),  # a unit of the object
            ("UV", 256 * 2 / 8),  # a cube's UV map is 4 sides of a quarter wide: 0.25 to 2 m
            ("GENERATED", 256 * 2 / 2),  # the bounding box
            ("CAMERA", 256 * 2 / (10 * 36 / 50)),  # the frame at the object's distance
        ):
            bpy.ops.mesh.primitive_cube_add()
            cube = bpy.context.object
            bpy.context.view_layer.update()
            settings(mapping=mapping, texture_scale=2.0, roughness_source="IMAGE")
            ops.apply_material(image=image.name)
            found = materials.texels_per_metre(cube, cube.active_material, bpy.context.scene)
            assert math.isclose(found, expected, rel_tol=1e-3), (mapping, found, expected)
            assert cube.active_material.node_tree.nodes["SyncDiffusion Shader"].inputs["Roughness"].is_linked
        cube.scale = (2, 2, 2)
        settings(mapping="BOX")
        ops.apply_material(image=image.name)
        bpy.context.view_layer.update()
        assert math.isclose(materials.texels_per_metre(cube, cube.active_material, bpy.context.scene), 256)
        bpy.context.scene.camera = None
        settings(mapping="CAMERA")
        assert "The scene has no camera" in refused(ops.apply_material, image=image.name)
    """)


def test_from_the_camera_the_picture_fills_the_frame(in_blender):
    """A picture that is red from left to right, on a sphere before the camera and a plane behind it."""
    in_blender("""
        import math
        import numpy as np
        camera = only_a_camera(location=(3, -2, 1), rotation=(math.radians(80), 0, math.radians(30)))
        bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y = 64, 32
        ahead = camera.matrix_world.to_3x3().col[2] * -1
        bpy.ops.mesh.primitive_plane_add(size=60, location=camera.location + ahead * 9, rotation=camera.rotation_euler)
        bpy.ops.mesh.primitive_uv_sphere_add(location=camera.location + ahead * 6)
        for thing in bpy.data.objects:
            thing.select_set(thing.type == "MESH")
        settings(mapping="CAMERA", texture_scale=1.0, bump_strength=0.0)
        ops.apply_material(image=picture().name)
        shader = bpy.context.object.active_material.node_tree.nodes["SyncDiffusion Shader"]
        shader.inputs["Specular IOR Level"].default_value = 0.0  # a matt surface in white light shows its color
        world = bpy.context.scene.world
        world.node_tree.nodes["Background"].inputs[0].default_value = (1, 1, 1, 1)
        red = render("projected.png", 64, 32, 16)[..., 0]
        above = red[2, 1:-1]  # above the sphere; at its edges the picture repeats
        assert np.abs(above - np.arange(1, 63) / 63).max() < 0.1, above
        inside = red[16, 20:44]  # across the sphere
        assert np.corrcoef(inside, np.arange(24))[0, 1] > 0.9
    """)


def test_an_existing_texture_node_shared_meshes_and_materials_of_ones_own(in_blender):
    in_blender("""
        first, second = picture(), picture("SyncD test 0418")
        bpy.ops.mesh.primitive_cube_add()
        cube = bpy.context.object
        twin = bpy.data.objects.new("twin", cube.data)
        bpy.context.collection.objects.link(twin)
        settings(mapping="UV")
        assert "shares a material" in refused(ops.make_unique)
        settings(material_place="NODE")
        assert "No selected object has a material with an image texture" in refused(ops.apply_material)
        settings(material_place="SLOT")
        ops.apply_material(image=first.name)
        assert cube.active_material is not None and twin.active_material is None
        twin.select_set(True)
        ops.apply_material(image=first.name)
        assert cube.active_material == twin.active_material
        assert ops.make_unique() == {"FINISHED"}
        assert cube.active_material != twin.active_material
        assert "shares a material" in refused(ops.make_unique)
        cube.select_set(False)
        settings(material_place="NODE")
        ops.apply_material(image=second.name)
        texture = "SyncDiffusion Texture"
        assert twin.active_material.node_tree.nodes[texture].image == second and second.packed_file is not None
        assert cube.active_material.node_tree.nodes[texture].image == first
    """)


def test_linked_objects_are_skipped_and_counted(in_blender):
    in_blender("""
        bpy.ops.mesh.primitive_cube_add()
        bpy.context.object.name = "Linked"
        bpy.ops.wm.save_as_mainfile(filepath=str(HERE / "library.blend"))
        bpy.ops.wm.read_homefile(use_empty=True)
        image = picture()
        with bpy.data.libraries.load(str(HERE / "library.blend"), link=True) as (source, target):
            target.objects = ["Linked"]
        linked = target.objects[0]
        bpy.context.collection.objects.link(linked)
        linked.select_set(True)
        assert "No object is selected that can take a material" in refused(ops.apply_material)
        bpy.ops.mesh.primitive_cube_add()
        linked.select_set(True)
        applying = part("blender.applying")
        names = [thing.name for thing in bpy.context.selected_objects]
        choices = applying.Choices.of(settings())
        said = applying.apply(image, bpy.context.scene, "MATERIAL", choices, names)
        assert said == "Applied to 1 objects; 1 are linked, gone or cannot take it", said
        assert linked.active_material is None and bpy.context.object.active_material is not None
    """)
