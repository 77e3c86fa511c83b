"""Where a log line comes from and goes to, and how raw output becomes rows."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from aca_notebook.emulator.telemetry.logs.tables import CONSOLE


@dataclass(frozen=True, slots=True)
class Destination:
    """A workspace, by its customer id, and the form of its tables; `environment` is the name the platform gave it."""

    workspace: str
    form: str
    environment: str
    location: str
    dynamic_json: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """One container's output and whose it is; `job` is empty for an app's, `app` for a job's."""

    path: str
    resource: str
    app: str
    job: str
    revision: str
    replica: str
    container: str
    container_id: str
    image: str
    destination: Destination

    def encode(self) -> str:
        """As JSON, to be kept."""
        return json.dumps(dataclasses.asdict(self))

    @staticmethod
    def decode(text: str) -> Source:
        """Read what `encode` wrote."""
        body = json.loads(text)
        return Source(**body | {"destination": Destination(**body["destination"])})

    def parameters(self) -> dict[str, str | None]:
        """What is the same for all of its lines."""
        whence = {
            name: getattr(self, name) or None
            for name in ("resource", "app", "job", "revision", "replica", "container", "container_id", "image")
        }
        to = self.destination
        return whence | {
            "workspace": to.workspace, "form": to.form, "environment": to.environment, "location": to.location,
        }  # fmt: skip


_BATCH = "batch"
#: Raw lines (`time stream F|P text`, ended by line feeds) become rows in DuckDB itself, half a million a second. Lines
#: that came together share a stamp: each gets the microsecond after the one before, so that sorting keeps their order.
READ_OUTPUT = f"""
CREATE OR REPLACE TEMP TABLE {_BATCH} AS
SELECT make_timestamp(micros) AS moment, $workspace, $form, $resource, $environment, $location, $app, $job, $revision,
       $replica, $container, $container_id, $image, stream, log, $received::TIMESTAMP
FROM (
  SELECT greatest(max(stamped - n) OVER (ORDER BY n ROWS UNBOUNDED PRECEDING), $last) + n AS micros, stream, log, n
  FROM (
    SELECT n, coalesce(epoch_us(TRY_CAST(split_part(line, ' ', 1) AS TIMESTAMPTZ)), $last) AS stamped,
           CASE WHEN framed THEN split_part(line, ' ', 2) ELSE 'stdout' END AS stream,
           CASE WHEN framed THEN substr(line, length(split_part(line, ' ', 1)) + length(split_part(line, ' ', 2)) + 5)
                ELSE line END AS log
    FROM (
      SELECT line, n, regexp_matches(line, '^[0-9][^ ]* (stdout|stderr) [FP] ') AS framed
      FROM (SELECT unnest(lines) AS line, generate_subscripts(lines, 1) AS n
            FROM (SELECT string_split($raw, chr(10)) AS lines))
    )
  )
) ORDER BY n
"""  # noqa: S608  # a constant
KEEP_OUTPUT = f"INSERT INTO {CONSOLE} SELECT * FROM {_BATCH}"  # noqa: S608
LAST_MOMENT = f"SELECT epoch_us(max(moment)) FROM {_BATCH}"  # noqa: S608
KEEP_MEMBERS = f"""
INSERT OR IGNORE INTO json_members
SELECT DISTINCT $workspace, name, CASE WHEN kind IN ('DOUBLE', 'UBIGINT', 'BIGINT') THEN 'd'
                                       WHEN kind = 'BOOLEAN' THEN 'b' ELSE 's' END
FROM (SELECT name, json_type(log -> ('$."' || name || '"')) AS kind
      FROM (SELECT log, unnest(json_keys(log)) AS name FROM {_BATCH} WHERE starts_with(log, '{{') AND json_valid(log)))
LIMIT 200
"""  # noqa: S608  # a constant
