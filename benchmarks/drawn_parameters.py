"""Parameters of instruments, drawn from ranges as data sheets and images have them; file values, unless said."""

from __future__ import annotations

import numpy as np

from drawn_noise import Camera, Detector, Magnitude, Speckle
from drawn_scenes import Random


def scmos(rng: Random) -> Detector:
    gain = rng.uniform(0.4, 2.2)
    read, peak = gain * rng.uniform(1.0, 2.5), gain * rng.uniform(80, 400)
    return Camera(
        offset=100,
        gain=gain,
        background=gain * rng.uniform(3, 12),
        peak=peak,
        read=read,
        read_spread=rng.uniform(0.1, 0.3),
        rows=read * rng.uniform(0.7, 1.5),
        hot=rng.uniform(3e-4, 1e-3),
        hot_height=peak * rng.uniform(0.5, 2),
    )


def emccd(rng: Random) -> Detector:
    gain = rng.uniform(4, 20)
    return Camera(
        offset=rng.uniform(200, 600),
        gain=gain,
        multiplied=True,
        background=gain * rng.uniform(8, 20),
        peak=gain * rng.uniform(80, 300),
        read=gain * rng.uniform(0.2, 0.8),
    )


def confocal(rng: Random) -> Detector:
    gain = rng.uniform(20, 60)
    return Camera(
        offset=rng.uniform(100, 300),
        gain=gain,
        background=gain * rng.uniform(4, 10),
        peak=gain * rng.uniform(30, 100),
        read=gain * rng.uniform(0.3, 1),
        across=rng.uniform(0.3, 0.65),
    )


def ccd(rng: Random) -> Detector:
    gain = rng.uniform(0.5, 1.5)
    sky, peak = gain * rng.uniform(100, 500), gain * rng.uniform(2e3, 8e3)
    noise = np.sqrt(gain * sky)
    return Camera(
        offset=rng.uniform(800, 1200),
        gain=gain,
        background=sky,
        peak=peak,
        read=gain * rng.uniform(3, 8),
        pattern=noise * rng.uniform(0.4, 0.8),
        column_pattern=noise * rng.uniform(0.4, 0.8),
        impulses=rng.uniform(3e-4, 1e-3),
        impulse_height=peak * rng.uniform(0.2, 0.6),
    )


def ct(rng: Random) -> Detector:
    return Camera(
        offset=-1000,
        peak=rng.uniform(1500, 2200),
        read=rng.uniform(20, 60),
        cutoff=rng.uniform(0.14, 0.26),
        dtype="int16",
    )


def mr(rng: Random) -> Detector:
    peak = rng.uniform(600, 2500)
    return Magnitude(peak=peak, sigma=peak / rng.uniform(8, 30))


def night(rng: Random) -> Detector:
    return Camera(
        gain=rng.uniform(0.15, 0.5),
        read=rng.uniform(2, 4),
        background=rng.uniform(18, 26),
        peak=rng.uniform(70, 130),
        quality=int(rng.integers(40, 80, endpoint=True)),
        dtype="uint8",
    )


def luminance(rng: Random) -> Detector:
    return Camera(
        background=rng.uniform(45, 60),
        peak=rng.uniform(110, 140),
        read=rng.uniform(8, 15),
        shared=rng.uniform(0.4, 0.9),
        dtype="uint8",
    )


def colour(rng: Random) -> Detector:
    gain = rng.uniform(0.1, 0.6)
    return Camera(
        gain=gain,
        background=rng.uniform(25, 45),
        peak=rng.uniform(120, 150),
        read=rng.uniform(1, 3),
        mosaic=1.0,
        dtype="uint8",
    )


def photons(rng: Random) -> Detector:
    return Camera(gain=1, background=rng.uniform(0.2, 0.6), peak=rng.uniform(4, 8))


def drifting(rng: Random) -> Detector:
    peak = rng.uniform(2000, 6000)
    read = peak * rng.uniform(0.03, 0.06)
    return Camera(offset=2000, peak=peak, read=read, drift=rng.uniform(2, 4), lamp=rng.uniform(0.6, 0.95))


def clean(rng: Random) -> Detector:
    return Camera(background=rng.uniform(100, 2000), peak=rng.uniform(2e4, 5e4))


def line_scan(rng: Random) -> Detector:
    gain = rng.uniform(0.5, 2)
    dark = gain * rng.uniform(50, 200)
    return Camera(
        offset=rng.uniform(100, 200),
        gain=gain,
        background=dark,
        peak=gain * rng.uniform(1e3, 3e3),
        read=gain * rng.uniform(2, 5),
        columns=np.sqrt(gain * dark) * rng.uniform(0.6, 1.2),
        column_gains=rng.uniform(0.015, 0.04),
    )


def afm(rng: Random) -> Detector:
    peak = rng.uniform(40, 200)
    read = peak * rng.uniform(0.01, 0.025)
    return Camera(offset=-peak / 3, peak=peak, read=read, rows=read * rng.uniform(1.5, 4), step=0, dtype="float32")


def ultrasound(rng: Random) -> Detector:
    return Speckle(peak=255, per_decibel=rng.uniform(3, 4.5), blur=(0.8, rng.uniform(1.5, 3)), dtype="uint8")


def time_lapse(rng: Random) -> Detector:
    gain = rng.uniform(0.4, 2.2)
    return Camera(
        offset=100,
        gain=gain,
        background=gain * rng.uniform(5, 20),
        peak=gain * rng.uniform(80, 400),
        read=gain * rng.uniform(1, 2.5),
        repeats=0,
    )


def grabber(rng: Random) -> Detector:
    step = float(rng.choice((8, 16)))
    return Camera(background=56, peak=150, read=step * rng.uniform(0.7, 1.2), step=step, dtype="uint8")


def two_cameras(rng: Random) -> Detector:
    peak = rng.uniform(2000, 6000)
    return Camera(offset=2000, peak=peak, read=peak * rng.uniform(0.03, 0.06), second=rng.uniform(2, 3))


def noiseless(rng: Random) -> Detector:
    """8 or 16 bits."""
    scale, dtype = _bits(rng)
    return Camera(background=20 * scale, peak=scale * rng.uniform(150, 200), dtype=dtype)


def white(rng: Random) -> Detector:
    """8 or 16 bits; Gaussian, of one level."""
    scale, dtype = _bits(rng)
    light = rng.uniform(80, 130)
    return Camera(background=60 * scale, peak=scale * light, read=scale * rng.uniform(3, 18), dtype=dtype)


def _bits(rng: Random) -> tuple[float, str]:
    return (1.0, "uint8") if rng.random() < 0.5 else (100.0, "uint16")
