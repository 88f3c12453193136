"""`corridor topics`: make the topics that a log on Kafka needs, and show what a cluster has of them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from deploy.cli.terminal.screen import make_console
from deploy.log.settings import LogSettings, check_log
from deploy.site.config import load_config
from ingest.errors import ConfigError

if TYPE_CHECKING:
    from deploy.log.brokers.topics import TopicState
    from deploy.log.kafka_cluster import Cluster

app = typer.Typer(
    no_args_is_help=True,
    help="The topics of a log on Kafka. Run `create` once for every cluster: no other command creates them.\n\n"
    "A log on SQLite needs none of this.",
)

Target = Annotated[
    str,
    typer.Argument(
        metavar="FILE_OR_URL", help="A configuration, or kafka://HOST:PORT[,HOST:PORT].", show_default=False
    ),
]


@app.command()
def create(
    target: Target,
    replication: Annotated[
        int,
        typer.Option(
            "--replication", min=1, max=32_767, help="Copies of every record: 3 in production, at most one a broker."
        ),
    ] = 1,
) -> None:
    """Make the topics that are missing; those that are there are left as they are."""
    from deploy.log.brokers.topics import create_topics

    cluster = _cluster(target)
    created, servers = create_topics(cluster, replication=replication), cluster.servers
    typer.echo(f"created on Kafka at {servers}: {', '.join(created)}" if created else f"all topics are on {servers}")


@app.command("list")
def list_topics(target: Target) -> None:
    """Show every topic: partitions, copies, what is kept, and whether it is as it must be."""
    from deploy.log.brokers.topics import describe_topics

    table = Table("topic", "partitions", "copies", "cleanup", "kept", "state", box=box.SIMPLE_HEAD, pad_edge=False)
    for topic in describe_topics(_cluster(target)):
        found = topic.partitions > 0
        table.add_row(
            topic.name,
            str(topic.partitions) if found else "-",
            str(topic.copies) if found else "-",
            topic.settings["cleanup.policy"] if topic.settings else "-",
            _kept(topic.settings) if topic.settings else "-",
            _state(topic),
        )
    make_console(highlight=False).print(table)


def _cluster(target: str) -> "Cluster":
    """The cluster of a configuration or a URL; raises ConfigError."""
    by_url = ":" in target and not Path(target).exists()
    settings = LogSettings(url=target) if by_url else load_config(Path(target)).log
    if not settings.url.startswith("kafka:"):
        raise ConfigError(f"the log is {settings.url}: only a log on Kafka has topics to be made")
    from deploy.log.kafka_cluster import cluster_of

    check_log(settings)
    return cluster_of(settings)


def _state(topic: "TopicState") -> Text:
    if topic.problem:
        return Text(topic.problem, "yellow")
    if not topic.settings:
        return Text("present; the ACL DescribeConfigs is missing to see more", "yellow")
    return Text("present", "green")


def _kept(settings: dict[str, str]) -> str:
    """Retention of a topic in words."""
    last = "the last of a key" if "compact" in settings.get("cleanup.policy", "") else ""
    days = int(settings.get("retention.ms", -1)) / 86_400_000
    limit = f"{days:g} days" if days > 0 and "delete" in settings.get("cleanup.policy", "delete") else ""
    return ", ".join(filter(None, (last, limit))) or "for good"
