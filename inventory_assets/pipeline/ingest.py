"""Landing files into bronze: a micro-batch is one commit of one bronze table."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import polars as pl

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.ingest.bronze import read_file, unreadable_file
from inventory_assets.ingest.landing import LandingFile, content_hash, read_bytes
from inventory_assets.lakehouse.inputs import Input, Inputs
from inventory_assets.pipeline.workspace import Report, Workspace
