"""What noisy images alone tell of their noise, and which model fits it."""

from nrgan.diagnosis.estimate import diagnose
from nrgan.diagnosis.figure import draw_diagnosis
from nrgan.diagnosis.recommend import Recommendation, recommend
from nrgan.diagnosis.report import diagnosis_table, write_json
from nrgan.diagnosis.values import Diagnosis

__all__ = [
    "Diagnosis",
    "Recommendation",
    "diagnose",
    "diagnosis_table",
    "draw_diagnosis",
    "recommend",
    "write_json",
]
