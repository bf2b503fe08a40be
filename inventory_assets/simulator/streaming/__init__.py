"""The stream of 004: events of a simulated retailer, made at a pace and sent to a service or a landing folder.

`factory` makes events, `flow` knows what happens next; `streamer` runs; `delivery` gets batches into a sink; sinks are
`http_sink`, `landing_sink` and the lines of `sinks`. Kafka and Event Hubs are sinks to come, with the same interface.
"""

from inventory_assets.simulator.happenings import EventType, StreamEvent
from inventory_assets.simulator.streaming.config import StreamConfig, StreamConfigError
from inventory_assets.simulator.streaming.factory import EventFactory, Replay
from inventory_assets.simulator.streaming.http_sink import HttpSink
from inventory_assets.simulator.streaming.landing_sink import LandingSink
from inventory_assets.simulator.streaming.sinks import LinesSink, Sink, SinkError
from inventory_assets.simulator.streaming.streamer import EventStreamer, StreamerError

__all__ = [
    "EventFactory",
    "EventStreamer",
    "EventType",
    "HttpSink",
    "LandingSink",
    "LinesSink",
    "Replay",
    "Sink",
    "SinkError",
    "StreamConfig",
    "StreamConfigError",
    "StreamEvent",
    "StreamerError",
]
