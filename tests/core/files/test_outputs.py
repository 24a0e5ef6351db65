"""The files of a run, written together. What the user sees of problems is tested through the command line."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from syncdiffusion.core.errors import InvalidRequestError, OutputError
from syncdiffusion.core.files.images import read_request
from syncdiffusion.core.files.outputs import Outputs

RESULT = SimpleNamespace(
    pixels=np.zeros((8, 8, 3), np.uint8),
    latents=np.ones((1, 4, 1, 1), np.float32),
    trace=np.ones((2, 4, 1, 1), np.float32),
    losses=np.array([0.5, np.nan], np.float32),
    request={"prompt": "a lake", "files": {}},
)


@pytest.fixture
def outputs(tmp_path):
    return Outputs(tmp_path / "p.png", tmp_path / "z.npz", tmp_path / "t.npz", tmp_path / "r.json")


def test_all_files(outputs, tmp_path):
    assert outputs.problems() == []
    outputs.check_space(64)

    def report():
        assert len(list(tmp_path.iterdir())) == 4  # all else lies under temporary names
        assert not any(path.exists() for path in (outputs.output, outputs.trace, outputs.report))
        return {"seconds": 1}

    outputs.write(RESULT, report)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.png", "r.json", "t.npz", "z.npz"]
    assert read_request(outputs.output) == RESULT.request
    assert np.array_equal(np.load(outputs.save_latents)["latents"], RESULT.latents)
    assert np.array_equal(np.load(outputs.trace)["loss"], RESULT.losses, equal_nan=True)
    assert json.loads(outputs.report.read_text("utf-8")) == {"seconds": 1}


def test_nothing_wanted(tmp_path):
    nothing = Outputs()
    assert nothing.problems() == []
    nothing.check_space(10**18)
    nothing.write(RESULT, lambda: pytest.fail("no report is wanted"))


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("odd"), KeyboardInterrupt()])
@pytest.mark.parametrize("existing", [False, True])
def test_what_was_there_stays_when_writing_fails(outputs, tmp_path, error, existing):
    if existing:
        outputs.output.write_text("older")

    def report():
        raise error

    with pytest.raises(OutputError if isinstance(error, OSError) else type(error)):
        outputs.write(RESULT, report)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["older"] * existing


def test_a_file_that_cannot_be_put_in_place(outputs, tmp_path, monkeypatch):
    replace = os.replace

    def locked(temporary, path):
        if path == outputs.trace:
            raise PermissionError(13, "in use by another program")
        replace(temporary, path)

    monkeypatch.setattr(os, "replace", locked)
    with pytest.raises(OutputError, match=r"t.npz' could not be written \(in use by another program\)"):
        outputs.write(RESULT, dict)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.png", "z.npz"]  # whole, and no temporary files
    assert read_request(outputs.output) == RESULT.request


def test_long_names_have_room_for_a_temporary_one(tmp_path):
    outputs = Outputs(tmp_path / ("日" * 80 + ".png"))
    outputs.write(RESULT, dict)
    assert len(list(tmp_path.iterdir())) == 1


def test_the_folder_is_gone_at_the_end(tmp_path):
    with pytest.raises(OutputError, match="could not be written"):
        Outputs(tmp_path / "gone" / "p.png").write(RESULT, dict)


def test_relative_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outputs = Outputs(Path("p.png"), trace=Path("./t.npz"))
    assert outputs.problems() == []
    outputs.write(RESULT, dict)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.png", "t.npz"]


def test_a_result_never_takes_the_place_of_what_the_run_reads(tmp_path):
    (tmp_path / "look.png").touch()
    outputs = Outputs(output=tmp_path / "." / "look.png", report=tmp_path / "report.json")
    outputs.check_inputs([tmp_path / "other.png"])
    with pytest.raises(InvalidRequestError, match="output: .*look.png' is read by this run"):
        outputs.check_inputs([tmp_path / "look.png"])


def test_a_picture_that_replaces_nothing_takes_the_next_free_name(tmp_path):
    (tmp_path / "p.png").write_text("older")
    (tmp_path / "p 2.png").write_text("older")
    result = SimpleNamespace(**vars(RESULT))
    Outputs(tmp_path / "p.png", report=tmp_path / "r.json", replaces=False).write(result, dict)
    assert result.output == tmp_path / "p 3.png"
    assert read_request(result.output) == RESULT.request
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p 2.png", "p 3.png", "p.png", "r.json"]
    assert (tmp_path / "p.png").read_text() == "older"


def test_a_name_that_was_taken_in_vain_is_given_back(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OutputError, match="Input/output error"):
        Outputs(tmp_path / "p.png", replaces=False).write(SimpleNamespace(**vars(RESULT)), dict)
    assert list(tmp_path.iterdir()) == []
