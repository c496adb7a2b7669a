"""What the snapshots of a run say of themselves."""

from __future__ import annotations

from nrgan.corruptions import to_plain
from nrgan.runs import SnapshotMetadata
from nrgan.training.plan import Plan


def metadata_of(plan: Plan, iteration: int) -> SnapshotMetadata:
    """Of a run, at an iteration."""
    config, setting = plan.config, plan.setting
    return SnapshotMetadata(
        setting=config.setting,
        model=config.model,
        iteration=iteration,
        clip=setting.sensor.clip,
        data_seed=config.data.data_seed,
        corrupt=config.data.corrupt,
        fit=config.data.fit,
        skip_corrupt=config.data.skip_corrupt,
        axes=config.data.axes,
        frames=config.data.frames,
        image_channels=config.data.image_channels,
        mend=config.data.mend,
        dark=config.data.dark,
        flat=config.data.flat,
        **plan.image.range.plain(),
        network=config.network.network,
        source=setting.source,
        corruption=to_plain(setting.corruption),
        view=setting.view,
        prior=config.observation.prior,
        invariances=config.observation.invariances,
        implicit=config.observation.implicit,
        objects=plan.objects.names(),
    )
