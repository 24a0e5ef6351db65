import weakref

import pytest

from syncdiffusion.core.runtime.kept import Kept


class Thing:
    pass


def test_loads_once_for_a_key():
    kept, loads = Kept(), []

    def load():
        loads.append(1)
        return Thing()

    first = kept.get(lambda: "a", load)
    assert kept.get(lambda: "a", load) is first
    assert kept.get(lambda: "b", load) is not first
    assert len(loads) == 2


def test_the_former_is_gone_before_the_next_is_loaded():
    kept = Kept()
    former = weakref.ref(kept.get(lambda: "a", Thing))

    def load():
        assert former() is None
        return Thing()

    kept.get(lambda: "b", load)


def test_release():
    kept = Kept()
    thing = weakref.ref(kept.get(lambda: "a", Thing))
    kept.release()
    assert thing() is None
    assert isinstance(kept.get(lambda: "a", Thing), Thing)


def test_loading_may_change_the_key():
    """A model that had to be downloaded has its files only afterwards."""
    kept, files = Kept(), []

    def load():
        files.append("weights")
        return Thing()

    first = kept.get(lambda: tuple(files), load)
    assert kept.get(lambda: tuple(files), load) is first


def test_a_failed_load_keeps_nothing():
    kept = Kept()
    former = kept.get(lambda: "a", Thing)
    with pytest.raises(ZeroDivisionError):
        kept.get(lambda: "b", lambda: 1 / 0)
    assert kept.get(lambda: "a", Thing) is not former
