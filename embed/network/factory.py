"""Factory of networks from their settings."""

from embed.network.grl import Grl
from embed.network.msinet import MsiNet
from embed.network.network import ReidNetwork
from embed.network.osnet import OsNet
from embed.network.resnet50 import ResNet50
from embed.network.settings import NetworkSettings
from ingest.errors import ConfigError

TWO_BRANCHES = ("grl", "msinet")


def build_encoder(settings: NetworkSettings, identities: int) -> ReidNetwork:
    """Build a freshly initialised network for training on `identities` vehicles; draws from torch's generator.

    0 identities are taken as one: its classifier learns nothing.

    Raises ConfigError where the network does not have the test feature that is asked for, or no two parts to weigh.
    """
    network = _network(settings, max(identities, 1))
    if settings.projection is not None:
        network.project_to(settings.projection)
    return network


def _network(settings: NetworkSettings, identities: int) -> ReidNetwork:
    share = settings.main_share
    if share is not None and (settings.name not in TWO_BRANCHES or settings.test_feature != "msinet"):
        raise ConfigError("model.main_share: only of grl and msinet, with test_feature 'msinet' (leave the key out)")
    if settings.name == "grl":
        of_priors = settings.fusion, settings.prior_channels, settings.adaptor_order
        return Grl(identities, settings.test_feature, *of_priors, share)
    if settings.name == "msinet":
        return MsiNet(identities, settings.test_feature, share)
    if settings.name == "osnet":
        return OsNet(identities, settings.test_feature)
    return ResNet50(identities, settings.test_feature)
