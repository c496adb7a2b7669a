"""The tables are whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from nrgan.corruptions import AdditiveGaussian, Sensor, Unknown
from nrgan.data import OWN, DataChoice
from nrgan.errors import UserError
from nrgan.settings import CORRUPTIONS, SETTINGS, choose_data, find_setting

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


def test_a_choice_of_data_says_all_that_decides_the_images(tmp_path: Path) -> None:
    setting, own, law = "shapes-ag25", str(tmp_path), AdditiveGaussian(3)
    assert choose_data(setting) == DataChoice(setting, "shapes", AdditiveGaussian(25), Sensor(), 32)
    chosen = choose_data(setting, 16, corruption=law, clip=False, data_seed=2)
    assert chosen == DataChoice(setting, "shapes", law, Sensor(clip=False), 16, 2)
    assert choose_data(own) == DataChoice(own, OWN, Unknown()), "their size is in the files"
    chosen = choose_data(own, 24, corrupt="ag25", fit="tiles", value_range="0,1", skip_corrupt=True)
    assert chosen == DataChoice(own, OWN, AdditiveGaussian(25), Sensor(), 24, 0, "tiles", "0,1", True)


def test_a_corruption_of_ones_own_images_is_a_row(tmp_path: Path) -> None:
    for name, row in CORRUPTIONS.items():
        setting = find_setting(str(tmp_path), corrupt=name)
        assert (setting.source, setting.corruption, setting.view) == (OWN, row.corruption, row.view)
    with pytest.raises(UserError, match="corrupt ag26: is no corruption; choose one of ag25, "):
        find_setting(str(tmp_path), corrupt="ag26")
    with pytest.raises(UserError, match="corrupt ag25: shapes-ag25 has a corruption already"):
        find_setting("shapes-ag25", corrupt="ag25")
