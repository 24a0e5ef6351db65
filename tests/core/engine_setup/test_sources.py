"""Folders of wheels, and bundles."""

import sys

import pytest
from support.wheels import make_wheel

from syncdiffusion.core.engine_setup import sources
from syncdiffusion.core.engine_setup.sources import FromFolder, check_sums, choose_wheels, make_bundle
from syncdiffusion.core.errors import SetupError

OTHER_PYTHON = "cp39-cp39-win32"


def test_the_newest_wheel_that_suits_is_chosen(tmp_path):
    for name, version, tag in [
        ("torch", "2.12.0", "py3-none-any"),
        ("torch", "2.13.0", "py3-none-any"),
        ("torch", "2.14.0", OTHER_PYTHON),
        ("torchvision", "0.28.0", "py3-none-any"),
        ("numpy", "2.2.6", "py3-none-any"),
        ("helper", "1.0", OTHER_PYTHON),
        ("helper", "1.0", "py3-none-any"),
    ]:
        make_wheel(tmp_path, name, version, {}, tag=tag)
    (tmp_path / "not-a-wheel.whl").touch()
    names = [path.name for path in choose_wheels(tmp_path)]
    assert sorted(names) == [
        "helper-1.0-py3-none-any.whl",
        "torch-2.13.0-py3-none-any.whl",
        "torchvision-0.28.0-py3-none-any.whl",
    ]


@pytest.mark.parametrize(
    ("wheels", "said"),
    [
        ([], "it has no wheel of torch;"),
        ([("torch", "py3-none-any")], "it has no wheel of torchvision;"),
        ([("torch", OTHER_PYTHON)], f"none of its wheels of torch is for Python 3.{sys.version_info.minor} on"),
        (
            [("torch", "py3-none-any"), ("torchvision", "py3-none-any"), ("jinja2", OTHER_PYTHON)],
            "none of its wheels of jinja2",
        ),
    ],
)
def test_a_folder_that_will_not_do(tmp_path, wheels, said):
    for name, tag in wheels:
        make_wheel(tmp_path, name, "1.0", {}, tag=tag)
    with pytest.raises(SetupError, match=said):
        choose_wheels(tmp_path)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(SetupError, match="there is no folder"):
        choose_wheels(tmp_path / "none")


def test_a_bundle_is_installed_where_it_is_carried_to(folder, source, build, host, activity, tmp_path):
    bundle = tmp_path / "für das Studio"
    sentence = make_bundle(build, bundle, activity)
    assert sentence.startswith("3 wheels, ")
    folder.install(FromFolder(bundle), host, activity)
    assert folder.installed


def test_a_bundle_that_was_damaged_on_the_way(source, build, activity, tmp_path):
    make_bundle(build, tmp_path / "bundle", activity)
    with next((tmp_path / "bundle").glob("torch-*")).open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(SetupError, match=f"torch-.* is not what {sources.SUMS} says"):
        check_sums(tmp_path / "bundle", choose_wheels(tmp_path / "bundle"), activity)


def test_no_pip(monkeypatch, build, host, activity, tmp_path):
    monkeypatch.setattr(sources, "distributions", lambda name: [])
    with pytest.raises(SetupError, match="pip is missing"):
        sources.resolve(build, build.index, tmp_path, host, activity)
