"""Several ranks train the run that one would: losses, weights and random state, within rounding."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import ranked_cases
from nrgan import UserError
from nrgan.draws import Share
from nrgan.training.accumulate import check_ranks
from nrgan.training.config import ScheduleOptions
from ranked_cases import CASES, COUNTS, MOST, trained


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranks")
    torch.multiprocessing.spawn(ranked_cases.rank, (folder,), nprocs=MOST)
    return folder


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[str, dict[str, torch.Tensor]]:
    return request.param, trained(request.param)


@pytest.mark.parametrize("count", COUNTS)
def test_ranks_make_the_run_of_one(case: tuple[str, dict[str, torch.Tensor]], count: int, together: Path) -> None:
    name, expected = case
    of_ranks = [torch.load(together / f"{name}-{count}-{number}.pt") for number in range(count)]
    for found in of_ranks:
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            if value.is_floating_point():
                torch.testing.assert_close(found[key], value, rtol=1e-10, atol=1e-12, msg=lambda m, k=key: f"{k}: {m}")
            else:
                assert torch.equal(found[key], value), key
        for key, value in found.items():
            assert torch.equal(value, of_ranks[0][key]), f"{key} differs between ranks"


@pytest.mark.parametrize(("images", "parts", "in_pairs"), [(8, 3, False), (10, 4, True), (8, 8, False), (6, 3, True)])
def test_shares_are_the_batch_and_keep_pairs(images: int, parts: int, in_pairs: bool) -> None:
    shares = [Share(images, part, parts, in_pairs) for part in range(parts)]
    batch = torch.arange(images)
    taken = [share.of(batch) for share in shares]
    assert sorted(torch.cat(taken).tolist()) == batch.tolist()
    assert [len(own) for own in taken] == [share.size for share in shares]
    assert sum(share.weight for share in shares) == pytest.approx(1)
    if in_pairs:
        for own in taken:
            assert torch.equal(own[: len(own) // 2] + images // 2, own[len(own) // 2 :])


def test_ranks_without_an_image_are_refused() -> None:
    def check(ranks: int, in_pairs: bool = False, compares_real: bool = False, **options: int) -> None:
        check_ranks(ScheduleOptions(**({"batch_size": 8} | options)), ranks, in_pairs, compares_real)

    check(8)
    check(3, in_pairs=True)
    check(1, in_pairs=True, generator_batch_size=5)
    with pytest.raises(UserError, match="batch_size 8: has no image for each on 9 ranks"):
        check(9)
    with pytest.raises(UserError, match="batch_size 8: has no image for each in 12 parts"):
        check(3, accumulate=4)
    with pytest.raises(UserError, match="generator_batch_size 9: has no pair"):
        check(2, in_pairs=True, generator_batch_size=9)
    with pytest.raises(UserError, match="must be a multiple of 12"):
        check(6, in_pairs=True, compares_real=True, generator_batch_size=16)
