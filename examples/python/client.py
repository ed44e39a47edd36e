"""A client of Onward to copy from: sends records, follows alerts, records what a person decided.

Records are JSON Lines: one `OrderLine` or `ShipmentLine` of resources.proto a line, with the names used there.
What may be tried again, and after how long, is the table in docs/integrating.md.
"""

import argparse
import hashlib
import itertools
import json
import os
import queue
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format
from onward.v1 import alert_service_pb2 as alerts
from onward.v1 import alert_service_pb2_grpc, order_service_pb2_grpc, shipment_service_pb2_grpc
from onward.v1 import order_service_pb2 as orders
from onward.v1 import resources_pb2 as resources
from onward.v1 import shipment_service_pb2 as shipments

RECORDS_PER_BATCH = 200
BATCHES_IN_FLIGHT_MAX = 16
CALL_SECONDS_MAX = 30
PAUSE_SECONDS_MIN, PAUSE_SECONDS_MAX, TRIES_MAX = 1.0, 30.0, 10
# A stream that ends with one of these is opened again; everything else is for a person.
PASSING = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED)

Metadata = tuple[tuple[str, str], ...]


class Patience:
    """Waits longer after each failure in a row, and gives up at last."""

    def __init__(self) -> None:
        self.failures = 0

    def renew(self) -> None:
        self.failures = 0

    def bear(self, error: grpc.RpcError) -> None:
        self.failures += 1
        if error.code() not in PASSING or self.failures >= TRIES_MAX:
            raise error
        time.sleep(min(PAUSE_SECONDS_MIN * 2 ** (self.failures - 1), PAUSE_SECONDS_MAX))


def batches(path: Path, record: Callable[[], Any], request: Callable[..., Any], field: str) -> Iterator[Any]:
    """Batches of a file. The id is a hash of the records: the same in another run, and of no other batch."""
    with path.open(encoding="utf-8") as lines:
        records = (json_format.Parse(line, record()) for line in lines if line.strip())
        while batch := list(itertools.islice(records, RECORDS_PER_BATCH)):
            digest = hashlib.sha256(field.encode())
            for one in batch:
                digest.update(one.SerializeToString(deterministic=True))
            yield request(request_id=digest.hexdigest(), **{field: batch})


def ingest(call: Callable[..., Any], source: Iterator[Any], metadata: Metadata) -> dict[str, int]:
    """Sends batches until each has its answer; keeps every batch until then, so that a cut costs time only."""
    unanswered: dict[str, Any] = {}
    counts: dict[str, int] = {}
    window, patience = BATCHES_IN_FLIGHT_MAX, Patience()
    while True:
        sending: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for batch in unanswered.values():
            sending.put(batch)
        answers = call(iter(sending.get, None), metadata=metadata)
        try:
            while True:
                while len(unanswered) < window and (batch := next(source, None)) is not None:
                    # Twice the same records in one file: they are on their way already.
                    if batch.request_id not in unanswered:
                        unanswered[batch.request_id] = batch
                        sending.put(batch)
                if not unanswered:
                    return counts
                answer = next(answers, None)
                if answer is None:
                    break
                if answer.status == resources.BATCH_STATUS_SLOW_DOWN:
                    # Not looked at: fewer at a time from now on, and the same batch again when it is time.
                    window = max(1, window // 2)
                    time.sleep(answer.retry_after_millis / 1000)
                    if answer.request_id in unanswered:
                        sending.put(unanswered[answer.request_id])
                elif unanswered.pop(answer.request_id, None) is not None:
                    window = min(window + 1, BATCHES_IN_FLIGHT_MAX)
                    patience.renew()
                    note(answer, counts)
        except grpc.RpcError as error:
            patience.bear(error)
        finally:
            sending.put(None)


def note(answer: Any, counts: dict[str, int]) -> None:
    if answer.status == resources.BATCH_STATUS_REFUSED:
        raise SystemExit(f"batch {answer.request_id} was refused, reason {answer.reason} of error_reason.proto")
    for outcome in answer.outcomes:
        word = resources.RecordStatus.Name(outcome.status).removeprefix("RECORD_STATUS_").lower()
        counts[word] = counts.get(word, 0) + 1
        for fault in outcome.faults:
            print(f"rejected: {fault.field}: {fault.description}", file=sys.stderr)


def watch(stub: Any, options: argparse.Namespace, metadata: Metadata) -> None:
    """Prints events as JSON Lines. An event counts as handled, here and at the service, after it was printed."""
    place = Path(options.cursor_file)
    cursor = place.read_text().strip() if place.exists() else ""
    patience, seen = Patience(), 0
    while True:
        request = alerts.WatchAlertsRequest(cursor=cursor, subscription=options.subscription)
        stream = stub.WatchAlerts(request, metadata=metadata)
        try:
            for message in stream:
                patience.renew()
                if message.HasField("event"):
                    text = json_format.MessageToDict(message.event, preserving_proto_field_name=True)
                    print(json.dumps(text, ensure_ascii=False), flush=True)
                    seen += 1
                cursor = message.cursor
                keep(place, cursor)
                acknowledgement = alerts.AckAlertsRequest(subscription=options.subscription, cursor=cursor)
                stub.AckAlerts(acknowledgement, metadata=metadata, timeout=CALL_SECONDS_MAX)
                if options.events and seen >= options.events:
                    stream.cancel()
                    return
        except grpc.RpcError as error:
            patience.bear(error)


def keep(place: Path, cursor: str) -> None:
    """Replaces the file whole: half a cursor would be refused."""
    new = place.with_name(place.name + ".new")
    new.write_text(cursor)
    os.replace(new, place)


def review(stub: Any, options: argparse.Namespace, metadata: Metadata) -> None:
    """Records a decision on the alert as it is now. Under the id of the request it is recorded once."""
    found = stub.GetAlert(alerts.GetAlertRequest(alert_id=options.alert), metadata=metadata, timeout=CALL_SECONDS_MAX)
    request = alerts.ReviewAlertRequest(
        alert_id=options.alert,
        etag=found.alert.etag,
        decision=resources.ReviewDecision.Value(f"REVIEW_DECISION_{options.decision.upper()}"),
        reason=resources.ReviewReason.Value(f"REVIEW_REASON_{options.reason.upper()}"),
        comment=options.comment,
        request_id=os.urandom(16).hex(),
    )
    patience = Patience()
    while True:
        try:
            answer = stub.ReviewAlert(request, metadata=metadata, timeout=CALL_SECONDS_MAX)
            print(resources.AlertState.Name(answer.alert.state).removeprefix("ALERT_STATE_").lower())
            return
        except grpc.RpcError as error:
            patience.bear(error)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True, help="host:port")
    parser.add_argument("--ca", required=True, help="the authority behind the server's certificate, PEM")
    parser.add_argument("--api-key-file", required=True)
    commands = parser.add_subparsers(dest="command", required=True)
    sending = commands.add_parser("ingest")
    sending.add_argument("--orders", type=Path)
    sending.add_argument("--shipments", type=Path)
    watching = commands.add_parser("watch")
    watching.add_argument("--cursor-file", required=True, help="where the place is kept between runs")
    watching.add_argument("--subscription", required=True, help="the name to acknowledge under")
    watching.add_argument("--events", type=int, default=0, help="stop after so many; 0 goes on for ever")
    deciding = commands.add_parser("review")
    deciding.add_argument("--alert", required=True)
    deciding.add_argument("--decision", required=True, help="for example in_review, confirmed, dismissed")
    deciding.add_argument("--reason", default="unspecified", help="for example goods_went_on, other_goods")
    deciding.add_argument("--comment", default="")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    key = Path(options.api_key_file).read_text().strip()
    metadata: Metadata = (("authorization", f"Bearer {key}"),)
    credentials = grpc.ssl_channel_credentials(Path(options.ca).read_bytes())
    # A connection that died in silence is noticed; the service takes a ping every 30 seconds.
    keepalive = [("grpc.keepalive_time_ms", 30_000), ("grpc.keepalive_timeout_ms", 10_000)]
    with grpc.secure_channel(options.server, credentials, keepalive) as channel:
        if options.command == "watch":
            watch(alert_service_pb2_grpc.AlertServiceStub(channel), options, metadata)
        elif options.command == "review":
            review(alert_service_pb2_grpc.AlertServiceStub(channel), options, metadata)
        if options.command == "ingest" and options.shipments:
            source = batches(
                options.shipments, resources.ShipmentLine, shipments.IngestShipmentsRequest, "shipments"
            )
            call = shipment_service_pb2_grpc.ShipmentServiceStub(channel).IngestShipments
            print(json.dumps({"shipments": ingest(call, source, metadata)}))
        if options.command == "ingest" and options.orders:
            source = batches(options.orders, resources.OrderLine, orders.IngestOrdersRequest, "orders")
            call = order_service_pb2_grpc.OrderServiceStub(channel).IngestOrders
            print(json.dumps({"orders": ingest(call, source, metadata)}))


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as refused:
        sys.exit(f"{refused.code().name}: {refused.details()}")
