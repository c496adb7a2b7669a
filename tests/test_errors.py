"""What errors say: to users of Python and of the command line, and what is quoted of other libraries' errors."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import BaseModel, ValidationError

from nrgan.errors import NrganError, TrainingDiverged, UserError, first_line, last_line, unknown, validation_sentence


def test_options_are_named_as_each_reader_knows_them() -> None:
    error = UserError("<batch_size> 64: more than the 10 images of <data_root>: a folder; 5 < 6 > 4, <i>")
    assert str(error) == "batch_size 64: more than the 10 images of data_root: a folder; 5 < 6 > 4, i"
    as_options = error.for_command_line(lambda field: f"--{field.replace('_', '-')}")
    assert as_options == "--batch-size 64: more than the 10 images of --data-root: a folder; 5 < 6 > 4, --i"


def test_the_value_to_blame_is_told_apart() -> None:
    error = UserError("<batch_size> 64: more than the 10 images: take <batch_size> 10")
    assert (error.field, error.value) == ("batch_size", "64")
    assert error.reason == "more than the 10 images: take batch_size 10"
    whole = UserError("outputs: holds a run already; give <resume>")
    assert (whole.field, whole.value, whole.reason) == (None, None, str(whole))


def test_what_an_error_means_to_a_shell() -> None:
    assert {kind.exit_code for kind in (NrganError, TrainingDiverged)} == {1} and UserError.exit_code == 2


def test_an_unknown_name_comes_with_the_nearest() -> None:
    said = str(unknown("fruit", "aple", ["pear", "apple", "plum"]))
    assert said.startswith("unknown fruit 'aple'; the nearest are apple")
    assert "nrgan list" not in str(unknown("fruit", "aple", ["apple"], listed=False))
    assert "pear, apple, plum" in str(unknown("fruit", "xyz", ["pear", "apple", "plum", "fig"])), "never without a name"


@pytest.mark.parametrize(
    ("error", "first", "last"),
    [
        (ValueError("\n one\ntwo \n"), "one", "two"),
        (ValueError("alone"), "alone", "alone"),
        (KeyError(), "KeyError", "KeyError"),
        (OSError("  \n"), "OSError", "OSError"),
    ],
)
def test_lines_of_an_error(error: Exception, first: str, last: str) -> None:
    assert (first_line(error), last_line(error)) == (first, last)


def test_a_refused_value_in_words() -> None:
    class Inner(BaseModel):
        count: int

    class Outer(BaseModel):
        inner: Inner

    with pytest.raises(ValidationError) as caught:
        Outer(inner={"count": "many"})  # type: ignore[arg-type]
    refused = validation_sentence(caught.value)
    assert refused.location == ("inner", "count") and refused.input == "many"
    assert refused.message == "give a whole number"


def test_errors_wait_for_no_library() -> None:
    code = "import sys, nrgan.errors; print({'pydantic', 'torch', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
