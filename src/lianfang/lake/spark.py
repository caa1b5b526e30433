"""Spark behind the same door, for lakes beyond one machine (extra ``spark``)."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import Fault
from lianfang.lake.engine import Value, bound, checked, common

if TYPE_CHECKING:
    import pyarrow as pa


class SparkEngine:
    """A Spark session (local by default; ``master`` for a cluster)."""

    name = "spark"

    def __init__(self, *, master: str = "local[2]", memory_mb: int = 1500) -> None:
        try:
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise Fault(
                "Spark is not installed.", hint="pip install 'lianfang[spark]' and a Java runtime."
            ) from error
        os.environ["PYSPARK_PYTHON"] = sys.executable  # workers must run this very Python
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        self._scratch = tempfile.TemporaryDirectory(prefix="lianfang-spark-")
        builder: Any = SparkSession.builder
        self._spark = (
            builder.master(master)
            .appName("lianfang")
            .config("spark.driver.memory", f"{memory_mb}m")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.ansi.enabled", "true")
            .config("spark.sql.ansi.doubleQuotedIdentifiers", "true")
            .config("spark.sql.shuffle.partitions", "4")
            .config("spark.sql.execution.arrow.pyspark.enabled", "true")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.sql.warehouse.dir", self._scratch.name)
            .getOrCreate()
        )
        self._spark.sparkContext.setLogLevel("ERROR")

    def register(self, name: str, source: Sequence[Path] | pa.Table) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        checked(name)
        if isinstance(source, pa.Table):
            path = Path(self._scratch.name) / f"{name}.parquet"
            pq.write_table(source, path, coerce_timestamps="us")
            source = [path]
        if not source:
            raise Fault(f"No files to register as {name}.")
        # days are columns of the rows already: folder names (day=...) are not to become a second one
        reader = self._spark.read.option("mergeSchema", "true").option("recursiveFileLookup", "true")
        frame = reader.parquet(*[str(path.absolute()) for path in source])
        frame.createOrReplaceTempView(name)

    def sql(self, query: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        return common(self._spark.sql(query, args=bound(query, parameters)).toArrow())

    def close(self) -> None:
        self._spark.stop()
        self._scratch.cleanup()
