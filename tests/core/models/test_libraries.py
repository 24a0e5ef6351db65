"""The door to diffusers and transformers."""

import gc
import sys

from syncdiffusion.core.models.libraries import import_diffusers


def test_what_is_imported_is_kept_from_the_garbage_collector():
    """A full collection over the libraries' half a million objects holds the interpreter for 0.3 s."""
    diffusers = import_diffusers()
    assert gc.get_freeze_count() > 10 * len(sys.modules)
    frozen = gc.get_freeze_count()
    assert import_diffusers() is diffusers
    assert gc.get_freeze_count() <= frozen
    assert not any(module is diffusers.UNet2DConditionModel for module in gc.get_objects())
