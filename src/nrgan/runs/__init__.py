"""What a run folder keeps, and how a trained model is had from it. What lies where is in `nrgan.layout`."""

from nrgan.runs.checkpoint import Resumable
from nrgan.runs.folder import read_config
from nrgan.runs.recorder import RunRecorder
from nrgan.runs.records import Record, read_records
from nrgan.runs.snapshot import SnapshotMetadata, save_snapshot
from nrgan.runs.trained import GeneratedImage, TrainedModel

__all__ = [
    "GeneratedImage",
    "Record",
    "Resumable",
    "RunRecorder",
    "SnapshotMetadata",
    "TrainedModel",
    "read_config",
    "read_records",
    "save_snapshot",
]
