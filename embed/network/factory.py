"""Factory of networks from their settings."""

from embed.network.grl import Grl
from embed.network.msinet import MsiNet
from embed.network.network import ReidNetwork
from embed.network.osnet import OsNet
from embed.network.resnet50 import ResNet50
from embed.network.settings import NetworkSettings


def build_encoder(settings: NetworkSettings, identities: int) -> ReidNetwork:
    """Build a freshly initialised network for training on `identities` vehicles; draws from torch's generator.

    0 identities are taken as one: its classifier learns nothing.

    Raises ConfigError where the network does not have the test feature that is asked for.
    """
    identities = max(identities, 1)
    if settings.name == "grl":
        return Grl(identities, settings.test_feature, settings.fusion, settings.prior_channels, settings.adaptor_order)
    if settings.name == "msinet":
        return MsiNet(identities, settings.test_feature)
    if settings.name == "osnet":
        return OsNet(identities, settings.test_feature)
    return ResNet50(identities, settings.test_feature)
