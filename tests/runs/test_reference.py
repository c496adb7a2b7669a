"""Reading what the reference implementation writes, made here from the golden files' names and weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import Hostile
from nrgan import Generator, NetworkSizes, UserError
from nrgan.layout import snapshot_folder
from nrgan.runs.reference import import_reference
from parity import Recording

RECORDED = Path(__file__).parents[1] / "parity" / "recorded" / "train_sdnrgan2__cifar10p30.npz"


@pytest.fixture
def reference_run(tmp_path: Path) -> Path:
    """A folder as the reference's training leaves it."""
    run = tmp_path / "reference"
    run.mkdir()
    recording = Recording(RECORDED)
    for iteration, moment in ((5, "init"), (10, "final")):
        for name in ("G", "Gn", "D"):
            state = {key: value.float() for key, value in recording.below(f"{moment}/{name}/").items()}
            torch.save(state, run / f"net{name}_iter_{iteration}.pth")
    (run / "args.txt").write_text("batch_size 64\nd_residual_factor 0.1\ng_residual_factor 0.2\nimplicit True\n")
    return run


def test_every_snapshot_is_read(reference_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "imported"
    assert import_reference(reference_run, out) == [snapshot_folder(out, 5), snapshot_folder(out, 10)]
    generator = Generator.from_pretrained(out)
    assert generator.sizes == NetworkSizes(3, 32, 3, generator.sizes.channels, 0.2)
    assert generator.blocks[0].residual_scale == 0.2
    weights = Recording(RECORDED).arrays["final/G/block3.conv2.conv.weight"]
    np.testing.assert_array_equal(generator.blocks[1].conv2.weight.detach().numpy(), weights.astype(np.float32))
    assert Generator.from_pretrained(snapshot_folder(out, 10) / "noise_generator").sizes.latent_size == 6
    assert (snapshot_folder(out, 10) / "discriminator" / "model.safetensors").is_file()


def test_a_plain_gan_has_no_noise_generator(reference_run: Path, tmp_path: Path) -> None:
    for path in reference_run.glob("netGn_*"):
        path.unlink()
    (folder, _) = import_reference(reference_run, tmp_path / "imported")
    assert not (folder / "noise_generator").exists()


def test_what_cannot_be_read_is_named_and_runs_nothing(reference_run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no netG_iter_N"):
        import_reference(tmp_path, tmp_path / "out")
    good = (reference_run / "netG_iter_10.pth").read_bytes()
    (reference_run / "netG_iter_10.pth").write_bytes(good[:500])
    with pytest.raises(UserError, match=r"netG_iter_10\.pth: not weights"):
        import_reference(reference_run, tmp_path / "out")
    torch.save({"weights": Hostile(tmp_path / "ran")}, reference_run / "netG_iter_10.pth")
    with pytest.raises(UserError, match=r"netG_iter_10\.pth: not weights"):
        import_reference(reference_run, tmp_path / "out")
    assert not (tmp_path / "ran").exists()
    torch.save([1, 2], reference_run / "netG_iter_10.pth")
    with pytest.raises(UserError, match=r"netG_iter_10\.pth: not weights"):
        import_reference(reference_run, tmp_path / "out")
    torch.save({"block9.weight": torch.zeros(1)}, reference_run / "netG_iter_10.pth")
    with pytest.raises(UserError, match="not a parameter of the reference"):
        import_reference(reference_run, tmp_path / "out")
    (reference_run / "netG_iter_10.pth").write_bytes(good)
    (reference_run / "args.txt").write_text("g_residual_factor x\n")
    with pytest.raises(UserError, match="g_residual_factor is 'x', not a number"):
        import_reference(reference_run, tmp_path / "out")
    (reference_run / "netD_iter_10.pth").unlink()
    (reference_run / "args.txt").unlink()
    with pytest.raises(UserError, match=r"netD_iter_10\.pth: missing"):
        import_reference(reference_run, tmp_path / "out")
    assert not (tmp_path / "out").exists(), "nothing half-written"


def test_snapshots_that_are_there_are_left_alone(reference_run: Path, tmp_path: Path) -> None:
    import_reference(reference_run, tmp_path / "out")
    with pytest.raises(UserError, match="holds snapshots already"):
        import_reference(reference_run, tmp_path / "out")


def test_the_reference_at_a_size_where_it_is_shallower_is_refused(tmp_path: Path) -> None:
    weights = {"linear1.weight": torch.zeros(4 * 8 * 8, 5), "conv5.conv.conv.weight": torch.zeros(3, 4, 3, 3)}
    for name in ("G", "D"):
        torch.save(weights, tmp_path / f"net{name}_iter_1.pth")
    with pytest.raises(UserError, match=r"netG_iter_1\.pth: a generator of 64 pixels with 3 up-blocks"):
        import_reference(tmp_path, tmp_path / "out")
