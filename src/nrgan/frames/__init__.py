"""What a user's files hold: folders, archives, stacks and shards of many kinds of image, as frames by number.

`open_frames` gives a `FrameSet`, `Patches` the training squares in it, `choose_range` the values that are black and
white; `write_like` writes files like those that were read. Only the names below are for other rooms.
"""

from nrgan.frames.chosen_range import CUTS_MUCH, choose_range
from nrgan.frames.file_frames import FileFrames
from nrgan.frames.fit import Fit, Patches, PatchPlace
from nrgan.frames.formats import FORMATS
from nrgan.frames.frame import Frame, SensorPlace
from nrgan.frames.frame_set import FrameSet, open_frames
from nrgan.frames.gaps import filled
from nrgan.frames.lattice import lattice_step
from nrgan.frames.mending import HOT_PIXELS, MENDS, NO_MENDING, Mending, mended
from nrgan.frames.opened import Region
from nrgan.frames.repeats import Repeats, find_repeats, repeats_scene
from nrgan.frames.sensor_view import SensorFrames, sensor_frames
from nrgan.frames.statistics import Statistics
from nrgan.frames.value_range import ValueRange
from nrgan.frames.wanted import EVERYTHING, Wanted
from nrgan.frames.writing import name_like, write_like

__all__ = [
    "CUTS_MUCH",
    "EVERYTHING",
    "FORMATS",
    "HOT_PIXELS",
    "MENDS",
    "NO_MENDING",
    "FileFrames",
    "Fit",
    "Frame",
    "FrameSet",
    "Mending",
    "PatchPlace",
    "Patches",
    "Region",
    "Repeats",
    "SensorFrames",
    "SensorPlace",
    "Statistics",
    "ValueRange",
    "Wanted",
    "choose_range",
    "filled",
    "find_repeats",
    "lattice_step",
    "mended",
    "name_like",
    "open_frames",
    "repeats_scene",
    "sensor_frames",
    "write_like",
]
