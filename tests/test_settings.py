"""The tables are whole."""

from __future__ import annotations

import pytest

from nrgan.errors import UserError
from nrgan.settings import CORRUPTIONS, SETTINGS, find_setting

PAPER = (
    "cifar10 cifar10ag25 cifar10ag5-50 cifar10lg25p16 cifar10lg25p8-24 cifar10u50 cifar10mix cifar10bg25k5 "
    "cifar10abg25k5 cifar10mg25 cifar10mg5-50 cifar10amg5_25 cifar10amg25_25 cifar10p30 cifar10p10-50 "
    "cifar10pg30_5 cifar10pg30_25"
).split()


def test_all_settings_of_the_paper_in_its_order() -> None:
    cifar10 = [s for s in SETTINGS.values() if s.source == "cifar10"]
    assert [s.name for s in cifar10 if s.name in PAPER] == PAPER
    assert "".join(s.paper for s in cifar10) == "ABCDEFGHIJKLMNOP"


def test_shapes_have_every_corruption() -> None:
    assert {"shapes"} | {f"shapes-{key}" for key in CORRUPTIONS} == {
        n for n, s in SETTINGS.items() if s.source == "shapes"
    }


def test_only_the_poisson_family_is_viewed_blurred_and_only_i_to_p_depend_on_the_signal() -> None:
    assert "".join(row.paper for row in CORRUPTIONS.values() if row.view == "blurred") == "MNOP"
    assert "".join(s.paper for s in SETTINGS.values() if s.signal_dependent) == "IJKLMNOP"


def test_unknown_setting_names_the_nearest() -> None:
    with pytest.raises(UserError, match="'cifar10ag52'; the nearest are cifar10ag25"):
        find_setting("cifar10ag52")
