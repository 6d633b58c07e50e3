"""What the arms would have put on pages that real users were shown: names and schemas.

    RUN/logged.parquet        one row an item that the log shows, with what became of it
    RUN/logged_arms.parquet   one row an arm, page and position: what it would have put there

Only pages whose propensities are known are there; the manifest's key ``logged`` says which days
they are of, which arms were asked, and why others were not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from footfall.datasets.arrow_columns import as_frame
from footfall.errors import LogError, one_line
from footfall.run_folder.log import DAMAGES, unfit

LOGGED_NAME = "logged.parquet"
LOGGED_ARMS_NAME = "logged_arms.parquet"

LOGGED = pa.schema(
    [
        ("page", pa.int32()),  # number of the page in this table
        ("user", pa.string()),
        ("time", pa.timestamp("ms")),
        ("depth", pa.int16()),  # pages of the visit before this one
        ("position", pa.int16()),  # from 0, top of the page
        ("item", pa.string()),  # what was shown
        ("propensity", pa.float64()),  # P(this item here) under the policy that logged
        ("clicked", pa.bool_()),
        ("bought", pa.bool_()),
        ("judged", pa.bool_()),  # false: of earlier days, which arms may have learned from
        ("p_examine", pa.float64()),  # P(this place is looked at), as simulated users read
        ("p_click", pa.float64()),  # the simulated user's chance here; null where none is known
        ("p_buy", pa.float64()),  # the simulated user's P(bought | clicked)
    ]
)
"""One row an item that was really shown."""

LOGGED_ARMS = pa.schema(
    [
        ("arm", pa.string()),
        ("page", pa.int32()),
        ("position", pa.int16()),
        ("item", pa.string()),  # that the arm puts here (its first draw); null: none
        ("target", pa.float64()),  # P(the arm puts the item here that was really shown here)
        ("placed", pa.float64()),  # P(the arm puts that item anywhere on the page)
        ("reach", pa.float64()),  # P(it does and the place is looked at), as simulated users read
        ("p_click", pa.float64()),  # the simulated user's chance of a click here on the arm's page
        ("p_purchase", pa.float64()),  # the same of a purchase
    ]
)
"""One row an arm, page and position."""


def read_table(folder: Path, name: str, schema: pa.Schema) -> pd.DataFrame | None:
    """One of the two tables; None where the run has none.

    Raises:
        LogError: It is damaged.
    """
    path = folder / name
    if not path.exists():
        return None
    try:
        wrong = unfit(pq.read_schema(path), schema)
        if not wrong:
            return as_frame(pq.read_table(path, columns=schema.names))
    except DAMAGES as error:
        wrong = one_line(error, 200)
    raise LogError(f"{path}: damaged ({wrong}); run again with --resume")


def as_table(columns: dict[str, Any], schema: pa.Schema) -> pa.Table:
    """Columns as a table of the schema."""
    frame = pd.DataFrame(columns)[schema.names]
    return pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
