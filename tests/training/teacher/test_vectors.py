"""A teacher's words are kept by image, are those of the very files, and are learned from."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")

import torch
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from embed.network.factory import build_encoder
from embed.network.msinet import MsiNet
from embed.network.network import TrainingOutput
from embed.network.settings import NetworkSettings
from ingest.errors import ConfigError
from ingest.frame import Image
from tests.conftest import ROOT
from tests.training.toy_training import CONTEXT, EXACT, make_job, run
from tests.training.toy_vehicles import draw_vehicles
from training.datasets.base import UNLABELLED, IdentityMap
from training.datasets.registry import list_dataset
from training.encoder.checkpoint import load_checkpoint, load_network
from training.encoder.objective import Objective
from training.encoder.recipe import PAPER
from training.encoder.trainer import Trainer, TrainingSpec, growing_average
from training.teacher.loss import TEMPERATURE, TeacherLoss, likeness_loss
from training.teacher.vectors import load_teacher_vectors, save_teacher_vectors, side_by_side, teacher_vectors
from training.teacher.views import views

pytestmark = pytest.mark.torch


def left_and_right(image: Image) -> NDArray[np.float32]:
    """How bright each half is."""
    halves = np.array_split(image.astype(np.float32), 2, axis=1)
    return np.array([[half.mean() for half in halves]], np.float32)


def test_a_picture_is_seen_whole_small_and_without_its_rim_and_mirrored() -> None:
    image = np.arange(96 * 32 * 3, dtype=np.uint32).reshape(96, 32, 3).astype(np.uint8)
    whole, _, small, _, inner, _ = seen = views(image)
    np.testing.assert_array_equal(whole, image)
    assert small.shape == (64, 64, 3)
    np.testing.assert_array_equal(inner, image[6:90, 2:30])
    for view, mirrored in zip(seen[::2], seen[1::2], strict=True):
        np.testing.assert_array_equal(mirrored, view[:, ::-1])
    assert all(view.size for view in views(image[:1, :1]))


def test_several_teachers_are_one_whose_cosines_are_the_mean_of_theirs(tmp_path: Path) -> None:
    draw_vehicles(tmp_path / "set", identities=3, images=3)
    listing = list_dataset(f"images:{tmp_path / 'set'}")

    def contrast(image: Image) -> NDArray[np.float32]:
        return np.asarray(image.reshape(-1, 3).std(axis=0), np.float32)

    def histogram(image: Image) -> NDArray[np.float32]:
        return np.bincount(image.ravel() // 32, minlength=8).astype(np.float32)

    both = [
        teacher_vectors(listing, teacher, name, lambda done, of: None)
        for teacher, name in ((contrast, "contrast"), (histogram, "histogram"))
    ]
    joined = side_by_side(both)
    cosines = []
    for each in both:
        apart = each.features - each.features.mean(axis=0, dtype=np.float32)
        apart /= np.linalg.norm(apart, axis=1, keepdims=True)
        cosines.append(apart @ apart.T)
    found = joined.features.astype(np.float32)
    np.testing.assert_allclose(found @ found.T, np.mean(cosines, axis=0), atol=5e-3)
    assert joined.metadata.teacher == "contrast and histogram"
    assert joined.metadata.fingerprint == both[0].metadata.fingerprint


def test_features_are_the_mean_of_all_views_of_norm_one_and_come_back(tmp_path: Path) -> None:
    draw_vehicles(tmp_path / "set", identities=2, images=3)
    data = list_dataset(f"images:{tmp_path / 'set'}")
    told: list[tuple[int, int]] = []
    made = teacher_vectors(data, left_and_right, "halves", lambda *done: told.append(done))
    assert told == [(done, 6) for done in range(1, 7)]
    np.testing.assert_allclose(made.features, 0.5**0.5, atol=1e-3)
    save_teacher_vectors(tmp_path / "a.npz", made)
    again = load_teacher_vectors(tmp_path / "a.npz")
    assert again.metadata == made.metadata
    again.check(data)
    some = data.parts["whole"].select(np.array([4, 1]))
    np.testing.assert_array_equal(again.of(some), made.features[[4, 1]].astype(np.float32))


def test_words_about_other_files(tmp_path: Path) -> None:
    draw_vehicles(tmp_path / "set", identities=2, images=3)
    made = teacher_vectors(list_dataset(f"images:{tmp_path / 'set'}"), left_and_right, "halves", lambda done, of: None)
    draw_vehicles(tmp_path / "set", identities=3, images=3)
    more = list_dataset(f"images:{tmp_path / 'set'}")
    with pytest.raises(ConfigError, match="of other files than images's"):
        made.check(more)
    with pytest.raises(ConfigError, match=r"there are none of '02_left_0\.png'"):
        made.of(more.parts["whole"])
    save_teacher_vectors(tmp_path / "whole.npz", made)
    whole = (tmp_path / "whole.npz").read_bytes()
    np.save(tmp_path / "array.npy", made.features)
    for content in (b"no features", whole[: len(whole) // 2], (tmp_path / "array.npy").read_bytes()):
        (tmp_path / "b.npz").write_bytes(content)
        with pytest.raises(ConfigError, match="is not a file of a teacher's features"):
            load_teacher_vectors(tmp_path / "b.npz")


def test_a_teacher_takes_what_can_be_read_and_says_the_rest(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Names are bytes, no image is in the way of the others, and NaN is nobody's word."""
    draw_vehicles(tmp_path / "set", identities=2, images=3)
    spoilt, *_, last = sorted((tmp_path / "set").iterdir())
    spoilt.write_bytes(spoilt.read_bytes()[:50])
    last.rename(last.with_name(os.fsdecode(b"\xfc.png")))
    listing = list_dataset(f"images:{tmp_path / 'set'}")
    made = teacher_vectors(listing, left_and_right, "halves", lambda done, of: None)
    assert len(made.names) == 5
    assert "images: 1 images are left out because they cannot be read" in caplog.messages
    save_teacher_vectors(tmp_path / "a.npz", made)
    again = load_teacher_vectors(tmp_path / "a.npz")
    assert os.fsencode(again.names[-1]) == b"\xfc.png"
    again.check(listing)

    def lost(image: Image) -> NDArray[np.float32]:
        return np.array([[np.nan, 1.0]], np.float32)

    with pytest.raises(ConfigError, match=r"gives '.*' a vector that is not finite"):
        teacher_vectors(listing, lost, "lost", lambda done, of: None)
    save_teacher_vectors(tmp_path / "a.npz", replace(made, features=np.full((5, 2), np.nan, np.float16)))
    with pytest.raises(ConfigError, match="a vector is not finite"):
        load_teacher_vectors(tmp_path / "a.npz")
    for path in (tmp_path / "set").iterdir():
        path.write_bytes(b"")
    with pytest.raises(ConfigError, match="images: none of 6 images can be read"):
        teacher_vectors(listing, left_and_right, "halves", lambda done, of: None)


def test_neighbours_are_compared_row_by_row() -> None:
    rng = torch.Generator().manual_seed(0)
    ours, theirs = torch.randn(5, 8, generator=rng), torch.randn(5, 3, generator=rng)

    def shares(vectors: torch.Tensor, row: int) -> torch.Tensor:
        others = [each for each in range(5) if each != row]
        cosines = [functional.cosine_similarity(vectors[row], vectors[each], dim=0) for each in others]
        return torch.softmax(torch.stack(cosines) / TEMPERATURE, dim=0)

    slow = [(shares(theirs, row) * (shares(theirs, row).log() - shares(ours, row).log())).sum() for row in range(5)]
    torch.testing.assert_close(likeness_loss(ours, theirs), torch.stack(slow).mean())
    assert likeness_loss(ours, 7.0 * ours).item() == pytest.approx(0.0, abs=1e-6)
    assert likeness_loss(ours[:1], theirs[:1]).item() == 0.0


def test_pictures_without_words_teach_nothing() -> None:
    torch.manual_seed(0)
    imitation = TeacherLoss(6, 4).eval()
    features = torch.rand(5, 6, requires_grad=True)
    targets = functional.normalize(torch.randn(5, 4), dim=1)
    targets[[1, 3]] = torch.nan
    loss = imitation(features, targets)
    loss.backward()
    assert torch.isfinite(loss)
    torch.testing.assert_close(loss, imitation(features[[0, 2, 4]], targets[[0, 2, 4]]))
    assert features.grad is not None
    assert (features.grad[[1, 3]] == 0).all()
    nothing = imitation(features, torch.full((5, 4), torch.nan))
    assert nothing.item() == 0.0


def taught_job(folder: Path, out: Path, unknown: int, **recipe: Any) -> TrainingSpec:
    """A toy training in which the first images have no identity; the teacher tells their colours."""
    spec = make_job(folder, out, network="msinet", priors=None, align="none", **recipe)
    images = spec.images
    identities = images.identities.copy()
    identities[:unknown] = ""
    colours = np.array([[5 * (int(name[:2]) % 2), 1 + int(name[:2]), 3] for name in images.names.tolist()], np.float32)
    targets = colours / np.linalg.norm(colours, axis=1, keepdims=True)
    unnamed = replace(images, identities=identities)
    origin = msgspec.structs.replace(spec.origin, identities=IdentityMap.of(unnamed).identities)
    return replace(spec, images=unnamed, origin=origin, targets=targets)


def test_a_teacher_alone_is_learned_from_and_begun_from(tmp_path: Path) -> None:
    spec = taught_job(tmp_path / "set", tmp_path / "a", 16, epochs=6, teacher_images=8, rate=6e-3)
    first = run(spec)
    losses = [row["teacher"] for row in first.rows]
    assert min(losses[-2:]) < 0.9 * losses[0]
    assert all(row["identity"] == 0 == row["triplet"] for row in first.rows)
    assert first.rows[0]["images"] == 16
    network = load_network(spec.checkpoint).network
    assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 768)
    second = make_job(tmp_path / "set", tmp_path / "b", epochs=1, align="none", start=spec.checkpoint)
    run(second, stopped=lambda: True)
    _, state = load_checkpoint(second.checkpoint)
    begun = load_network(spec.checkpoint)[0].state_dict()
    taken = {key.removeprefix("network."): value for key, value in state["objective"].items()}
    drift = max(
        float((taken[key] - value).abs().max())
        for key, value in begun.items()
        if key.startswith("trunk") and "running" not in key and "num" not in key
    )
    assert drift < 0.02, "one small step away from where the other ended"


def test_identities_and_a_teacher_together(tmp_path: Path) -> None:
    spec = taught_job(tmp_path / "set", tmp_path / "a", 4, epochs=1, identities=3, teacher_images=2)
    trainer = run(spec)
    (row,) = trainer.rows
    assert row["identity"] > 1
    assert row["teacher"] > 0
    assert row["images"] == 8 * trainer.steps_done


def test_stopped_and_gone_on_with_a_teacher_is_as_if_never_stopped(tmp_path: Path) -> None:
    def spec(out: str) -> TrainingSpec:
        return taught_job(tmp_path / "set", tmp_path / out, 4, epochs=2, identities=3, teacher_images=2)

    whole = run(spec("whole"))
    seen: list[object] = []
    run(spec("stopped"), report=seen.append, stopped=lambda: len(seen) == 1)
    again = run(spec("stopped"), resume=True)
    assert again.steps_done == whole.steps_done > 1
    for one, other in zip(again.objective.parameters(), whole.objective.parameters(), strict=True):
        assert torch.equal(one, other)


class Given(nn.Module):
    """A network that says what it was given."""

    map_channels, map_stride = 8, 16

    def __init__(self, learned: TrainingOutput) -> None:
        super().__init__()
        self.learned = learned

    def forward(self, images: torch.Tensor, priors: torch.Tensor | None) -> TrainingOutput:
        return self.learned


def losses_of(learned: TrainingOutput, labels: list[int], targets: torch.Tensor | None) -> torch.Tensor:
    torch.manual_seed(0)
    settings = msgspec.convert({"name": "msinet", "height": 32, "width": 32}, NetworkSettings)
    objective = Objective(Given(learned), settings, PAPER, teacher_dim=0 if targets is None else 3)  # type: ignore[arg-type]
    found: torch.Tensor = objective(torch.zeros(1), None, torch.tensor(labels), torch.zeros(0), targets)
    return found.detach()


def test_images_without_identity_have_no_part_in_the_losses_of_identities() -> None:
    torch.manual_seed(1)
    features, logits, maps = torch.randn(6, 8), torch.randn(6, 2), torch.rand(6, 8, 2, 2)
    some = TrainingOutput((features[:4],), (logits[:4],), maps[:4])
    targets = functional.normalize(torch.randn(6, 3), dim=1)
    alone = losses_of(some, [0, 0, 1, 1], None)
    mixed = losses_of(TrainingOutput((features,), (logits,), maps), [0, 0, 1, 1, UNLABELLED, UNLABELLED], targets)
    torch.testing.assert_close(mixed[1:4], alone[1:4])
    assert alone[4] == 0
    assert mixed[4] > 0
    torch.testing.assert_close(mixed[0], alone[0] + PAPER.teacher_weight * mixed[4])
    nobody = losses_of(TrainingOutput((features,), (logits,), maps), [UNLABELLED] * 6, targets)
    assert nobody[1:4].tolist() == [0, 0, 0]


def test_a_second_part_goes_on_with_the_first_part_s_projection(tmp_path: Path) -> None:
    targets = functional.normalize(torch.randn(16, 5), dim=1).numpy()

    def spec(name: str, start: Path | None = None) -> TrainingSpec:
        job = make_job(tmp_path / "set", tmp_path / name, network="msinet", align="none", epochs=1, start=start)
        return replace(job, targets=targets)

    first = run(spec("first"))
    assert first.objective.imitation is not None
    second = Trainer(spec("second", first.spec.checkpoint), CONTEXT, EXACT)
    fresh = Trainer(spec("fresh"), CONTEXT, EXACT)
    assert second.objective.imitation is not None
    assert fresh.objective.imitation is not None
    weight = second.objective.imitation.project.weight
    assert torch.equal(weight, first.objective.imitation.project.weight)
    assert not torch.equal(weight, fresh.objective.imitation.project.weight)


def test_views_are_made_without_torch() -> None:
    code = "import sys, training.teacher.views; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_with_a_head_of_its_own_the_teacher_does_not_move_the_feature_s_neighbours() -> None:
    torch.manual_seed(2)
    features, targets = torch.randn(6, 6), functional.normalize(torch.randn(6, 4), dim=1)
    shared, own = TeacherLoss(6, 4).eval(), TeacherLoss(6, 4, own_head=True).eval()
    own.load_state_dict(shared.state_dict())
    projected = own.project(own.neck(features))
    direction = (1 - functional.cosine_similarity(projected, targets, dim=1)).mean()
    torch.testing.assert_close(own(features, targets), direction + likeness_loss(projected, targets))
    torch.testing.assert_close(shared(features, targets), direction + likeness_loss(features, targets))


@pytest.mark.parametrize(("taught", "moved"), [("f3", False), ("tested", True)])
def test_the_teacher_reaches_what_is_tested_in_the_end(taught: Literal["f3", "tested"], moved: bool) -> None:
    settings = NetworkSettings(name="msinet", height=32, width=32)
    network = build_encoder(settings, 2)
    recipe = msgspec.structs.replace(PAPER, teacher_feature=taught, align="none")
    objective = Objective(network, settings, recipe, named=False, teacher_dim=4)
    targets = functional.normalize(torch.randn(3, 4), dim=1)
    output = network(torch.randn(3, 3, 32, 32), None)
    objective._of_teacher(output, targets).backward()  # type: ignore[no-untyped-call]
    assert isinstance(network, MsiNet)
    assert (network.auxiliary.weight.grad is not None) == moved


def test_the_average_begins_short() -> None:
    layer = nn.Linear(1, 1, bias=False)
    average = AveragedModel(layer, multi_avg_fn=growing_average(0.5), use_buffers=True)
    seen = []
    for value in (0.0, 11.0, 11.0, 11.0, 11.0, 11.0, 11.0, 11.0, 11.0, 11.0, 11.0):
        nn.init.constant_(layer.weight, value)
        average.update_parameters(layer)
        seen.append(next(average.parameters()).item())
    assert seen[:2] == pytest.approx([0.0, 9.0]), "two elevenths of what was"
    assert seen[-1] == pytest.approx(11.0, abs=0.01)


def test_a_start_that_does_not_fit(tmp_path: Path) -> None:
    run(make_job(tmp_path / "set", tmp_path / "a", network="osnet", epochs=1), stopped=lambda: True)
    spec = make_job(tmp_path / "set", tmp_path / "b", network="msinet", start=tmp_path / "a" / "checkpoint.pt")
    with pytest.raises(ConfigError, match="holds osnet, which does not fit this MsiNet"):
        run(spec)
