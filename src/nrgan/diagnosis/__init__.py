"""What noisy images alone tell of their noise, and which model fits it."""

from nrgan.diagnosis.dark import dark_frames
from nrgan.diagnosis.diagnose_images import Diagnosed, diagnose, diagnosed, recommended
from nrgan.diagnosis.estimate import estimate_noise
from nrgan.diagnosis.law import law_of
from nrgan.diagnosis.looked import Looked
from nrgan.diagnosis.recommend import COMPOSED, FITTED, NONE, PUBLISHED, Recommendation, document, recommend
from nrgan.diagnosis.units import Dark
from nrgan.diagnosis.values import Diagnosis

__all__ = [
    "COMPOSED",
    "FITTED",
    "NONE",
    "PUBLISHED",
    "Dark",
    "Diagnosed",
    "Diagnosis",
    "Looked",
    "Recommendation",
    "dark_frames",
    "diagnose",
    "diagnosed",
    "document",
    "estimate_noise",
    "law_of",
    "recommend",
    "recommended",
]
