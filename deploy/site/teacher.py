"""The teacher of a distillation: a configured detector, and the score from which it is believed."""

from typing import TYPE_CHECKING

import msgspec

from deploy.weights import catalogue
from detect.detector import OneByOne
from detect.registry import FOUNDATION, open_detector, start_score
from detect.settings import FoundationSettings
from training.distil.plan import Plan

if TYPE_CHECKING:
    from training.distil.labels import TeacherDetector  # needs torch, which may not be there

SURE = 0.6
"""Share of the score that would start a track from which on a teacher is believed."""

DOUBT = 0.1
"""Margin below Grounding DINO's `box_score` within which a box is passed over, not learned as nothing."""

BELIEVED = {"crossroad-1016": 0.42, "pvb-2004": 0.3}
"""Scores from which teachers are believed whose start score is that of a track which gathers evidence: a label gets
no second look."""


def open_teacher(plan: Plan, foundation: FoundationSettings) -> "TeacherDetector":
    """Open the teacher of a plan; raises ConfigError, WeightsError where it cannot be had."""
    from training.distil.labels import TeacherDetector

    if plan.teacher not in FOUNDATION:
        sure = BELIEVED.get(plan.teacher, SURE * start_score(plan.teacher, foundation))
        return TeacherDetector(plan.teacher, OneByOne(open_detector(plan.teacher, catalogue.find)), sure)
    from deploy.site.foundation import open_grounding_dino

    lenient = msgspec.structs.replace(foundation, box_score=max(foundation.box_score - DOUBT, foundation.box_score / 2))
    return TeacherDetector(plan.teacher, open_grounding_dino(plan.teacher, lenient, plan.cameras), foundation.box_score)
