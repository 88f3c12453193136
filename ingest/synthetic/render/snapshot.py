"""Single images of vehicles put in place by hand, where a whole stream is not needed."""

from collections.abc import Sequence

from ingest.frame import Image
from ingest.synthetic.camera.spec import CameraSpec
from ingest.synthetic.render.camera_renderer import CameraRenderer, PlacedVehicle, Pose
from ingest.synthetic.vehicle.fleet import Vehicle
from ingest.synthetic.world.presets import Preset
from ingest.truth import TrueSighting


class Snapshots:
    """One camera that takes images of any vehicles anywhere; the same arguments give the same bytes.

    Not for use by two threads at once.
    """

    def __init__(self, preset: Preset, spec: CameraSpec) -> None:
        self._renderer = CameraRenderer(preset, spec)

    def take(
        self, vehicles: Sequence[tuple[Vehicle, Pose]], number: int, *, only: int | None = None, speed_mps: float = 0.0
    ) -> tuple[Image, list[TrueSighting]]:
        """Render an image with the electronics of frame `number`; returns it and the sightings in it.

        vehicles: each with its (x_m, y_m, heading_deg); ids differ. only: the id of a vehicle; what lies apart from it
        is left undrawn and unreported, which saves time. speed_mps: how fast all of them drive, for motion blur.
        """
        placed = [PlacedVehicle(vehicle, pose, speed_mps) for vehicle, pose in vehicles]
        return self._renderer.render_vehicles(placed, number, only=only)

    def image(self, vehicles: Sequence[tuple[Vehicle, Pose]], number: int, *, only: int | None = None) -> Image:
        """Render an image as `take` does, without its sightings, which takes two thirds of the time."""
        placed = [PlacedVehicle(vehicle, pose) for vehicle, pose in vehicles]
        image, _ = self._renderer.render_vehicles(placed, number, only=only, truth=False)
        return image

    def close(self) -> None:
        """Give the engine's buffers and nodes back."""
        self._renderer.close()
