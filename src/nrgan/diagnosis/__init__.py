"""What noisy images alone tell of their noise, and which model fits it."""

from nrgan.diagnosis.diagnose_images import Diagnosed, diagnose, recommended_model
from nrgan.diagnosis.estimate import estimate_noise
from nrgan.diagnosis.recommend import Recommendation, document, recommend
from nrgan.diagnosis.values import Diagnosis

__all__ = [
    "Diagnosed",
    "Diagnosis",
    "Recommendation",
    "diagnose",
    "document",
    "estimate_noise",
    "recommend",
    "recommended_model",
]
