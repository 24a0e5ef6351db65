"""Pictures as materials."""

import pytest


@pytest.mark.parametrize("mapping", ["BOX", "UV", "GENERATED"])
def test_selected_objects_get_a_material_in_their_active_slot(in_blender, mapping):
    in_blender(f"""
        mapping = {mapping!r}
        bpy.ops.mesh.primitive_cube_add()
        cube = bpy.context.object
        old = bpy.data.materials.new("old")
        for name in ("first", "second"):
            cube.data.materials.append(bpy.data.materials.new(name))
        cube.data.materials.append(old)
        cube.active_material_index = 2
        bpy.ops.mesh.primitive_uv_sphere_add()
        sphere = bpy.context.object
        while sphere.data.uv_layers:
            sphere.data.uv_layers.remove(sphere.data.uv_layers[0])
        bpy.ops.object.light_add()
        for thing in (cube, sphere):
            thing.select_set(True)
        settings(target="MATERIAL", mapping=mapping, texture_scale=2.0, width=128, height=128)
        ops.generate()
        material = sphere.active_material
        assert cube.material_slots[2].material == material
        assert [slot.material.name for slot in cube.material_slots][:2] == ["first", "second"]
        assert old.use_fake_user
        texture = next(n for n in material.node_tree.nodes if n.bl_idname == "ShaderNodeTexImage")
        assert texture.projection == ("BOX" if mapping == "BOX" else "FLAT")
        assert tuple(texture.image.size) == (128, 128) and texture.image.packed_file is not None
        place = next(n for n in material.node_tree.nodes if n.bl_idname == "ShaderNodeMapping")
        assert tuple(place.inputs["Scale"].default_value) == (2.0, 2.0, 2.0)
        shader = next(n for n in material.node_tree.nodes if n.bl_idname == "ShaderNodeBsdfPrincipled")
        assert shader.inputs["Base Color"].links[0].from_node == texture
        message = part("blender.session").session.finished.message
        assert message == "Applied to 2 objects; 1 are linked, gone or cannot take it", message
    """)


def test_what_was_selected_when_generate_was_pressed_counts(in_blender):
    in_blender("""
        session, pump = part("blender.session").session, part("blender.pump")
        things = []
        for number in range(3):
            bpy.ops.mesh.primitive_cube_add()
            things.append(bpy.context.object)
        for thing in things[:2]:
            thing.select_set(True)
        things[2].select_set(False)
        settings(target="MATERIAL", height=128)
        session.tasks.append(part("operators.generate").submit(bpy.context, 417))
        bpy.ops.object.select_all(action="DESELECT")
        things[2].select_set(True)
        bpy.data.objects.remove(things[0])
        pump.run_to_end()
        assert things[1].active_material is not None
        assert things[2].active_material is None
        assert session.finished.message == "Applied to 1 objects; 1 are linked, gone or cannot take it"
        assert ops.apply_material() == {"FINISHED"}
        assert things[2].active_material is not None
    """)
