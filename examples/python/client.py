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
import random
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from onward.v1 import alert_service_pb2 as alerts
from onward.v1 import alert_service_pb2_grpc, error_reason_pb2, order_service_pb2_grpc, shipment_service_pb2_grpc
from onward.v1 import order_service_pb2 as orders
from onward.v1 import resources_pb2 as resources
from onward.v1 import shipment_service_pb2 as shipments

RECORDS_PER_BATCH = 200
BATCHES_IN_FLIGHT_MAX = 16
CALL_SECONDS_MAX = 30
PAUSE_SECONDS_MIN, PAUSE_SECONDS_MAX, TRIES_MAX = 1.0, 30.0, 10
# Without a reason of the service's the transport speaks: a server that was killed shows as any of these.
PASSING = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.INTERNAL,
)

Record = TypeVar("Record", resources.OrderLine, resources.ShipmentLine)
Request = TypeVar("Request", orders.IngestOrdersRequest, shipments.IngestShipmentsRequest)
Answer = orders.IngestOrdersResponse | shipments.IngestShipmentsResponse
Result = TypeVar("Result")
Metadata = tuple[tuple[str, str], ...]


class Failure:
    """What a failed call says: its reason, and whether and when to try again."""

    def __init__(self, error: grpc.RpcError) -> None:
        if not isinstance(error, grpc.Call):
            raise error
        reason = ""
        self.pause_seconds: float | None = None
        status = rpc_status.from_call(error)
        for detail in status.details if status else ():
            info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
            if detail.Unpack(info) and info.domain == "onward":
                reason = f"{info.reason}: "
            elif detail.Unpack(retry):
                self.pause_seconds = retry.retry_delay.ToTimedelta().total_seconds()
        if self.pause_seconds is None and not reason and error.code() in PASSING:
            self.pause_seconds = PAUSE_SECONDS_MIN
        if self.pause_seconds is None and error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
            self.pause_seconds = PAUSE_SECONDS_MIN
        self.text: str = f"{error.code().name}: {reason}{error.details()}"


class Patience:
    """Waits as long as the service asks, longer after each failure in a row, and gives up at last."""

    def __init__(self) -> None:
        self.failures = 0

    def renew(self) -> None:
        self.failures = 0

    def bear(self, error: grpc.RpcError) -> None:
        failure = Failure(error)
        self.failures += 1
        if failure.pause_seconds is None or self.failures >= TRIES_MAX:
            raise error
        longer = min(PAUSE_SECONDS_MIN * 2 ** (self.failures - 1), PAUSE_SECONDS_MAX)
        # A little more by chance: not all clients come back at once.
        pause_seconds = max(failure.pause_seconds, longer) * random.uniform(1.0, 1.25)
        print(f"{failure.text}; again in {pause_seconds:.2f} s", file=sys.stderr, flush=True)
        time.sleep(pause_seconds)


def patiently(call: Callable[[], Result]) -> Result:
    """A call that changes nothing when it is repeated."""
    patience = Patience()
    while True:
        try:
            return call()
        except grpc.RpcError as error:
            patience.bear(error)


def batches(
    path: Path, size: int, kind: Callable[[], Record], pack: Callable[[str, list[Record]], Request]
) -> Iterator[Request]:
    """Batches of a file. The id is a hash of the records: the same in another run, and of no other batch."""
    with path.open(encoding="utf-8") as lines:
        records = (json_format.Parse(line, kind()) for line in lines if line.strip())
        while batch := list(itertools.islice(records, size)):
            digest = hashlib.sha256(type(batch[0]).__name__.encode())
            for record in batch:
                content = record.SerializeToString(deterministic=True)
                digest.update(len(content).to_bytes(4, "big") + content)
            yield pack(digest.hexdigest(), batch)


def ingest(
    open_stream: Callable[[Iterator[Request]], Iterator[Answer]], source: Iterator[Request], in_flight_max: int
) -> dict[str, int]:
    """Sends batches until each has its answer; keeps every batch until then, so that a cut costs time only."""
    unanswered: dict[str, Request] = {}
    # Those of them that the service did not look at, and when it wants them again.
    waiting: deque[str] = deque()
    resume_time = 0.0
    window = float(in_flight_max)
    counts: Counter[str] = Counter()
    patience = Patience()
    while True:
        sending: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        for batch in unanswered.values():
            sending.put(batch)
        waiting.clear()
        answers = open_stream(requests(sending))
        try:
            while True:
                while time.monotonic() >= resume_time and len(unanswered) - len(waiting) < window:
                    if waiting:
                        sending.put(unanswered[waiting.popleft()])
                        continue
                    more = next(source, None)
                    if more is None:
                        break
                    # Twice the same records in one file: they are on their way already.
                    if more.request_id not in unanswered:
                        unanswered[more.request_id] = more
                        sending.put(more)
                if not unanswered:
                    return dict(counts)
                if len(unanswered) == len(waiting):
                    time.sleep(max(0.0, resume_time - time.monotonic()))
                    continue
                answer = next(answers, None)
                if answer is None:
                    raise SystemExit("the stream ended before every batch had its answer")
                if answer.status == resources.BATCH_STATUS_SLOW_DOWN:
                    if not waiting:
                        print("asked to slow down", file=sys.stderr)
                    waiting.append(answer.request_id)
                    # As many at a time as the service did take.
                    window = max(1.0, float(len(unanswered) - len(waiting)))
                    resume_time = time.monotonic() + answer.retry_after_millis / 1000
                elif unanswered.pop(answer.request_id, None) is not None:
                    window = min(window + 1 / window, float(in_flight_max))
                    patience.renew()
                    note(answer, counts)
        except grpc.RpcError as error:
            patience.bear(error)
        finally:
            sending.put(None)


def requests(sending: queue.SimpleQueue[Request | None]) -> Iterator[Request]:
    while (batch := sending.get()) is not None:
        yield batch


def note(answer: Answer, counts: Counter[str]) -> None:
    if answer.status == resources.BATCH_STATUS_REFUSED:
        raise SystemExit(f"batch {answer.request_id}: {error_reason_pb2.ErrorReason.Name(answer.reason)}")
    for outcome in answer.outcomes:
        counts[resources.RecordStatus.Name(outcome.status).removeprefix("RECORD_STATUS_").lower()] += 1
        for fault in outcome.faults:
            print(f"rejected: {fault.field}: {fault.description}", file=sys.stderr)


def watch(stub: alert_service_pb2_grpc.AlertServiceStub, options: argparse.Namespace, metadata: Metadata) -> None:
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
                    content = json_format.MessageToDict(message.event, preserving_proto_field_name=True)
                    print(json.dumps(content, ensure_ascii=False), flush=True)
                    seen += 1
                cursor = message.cursor
                keep(place, cursor)
                acknowledgement = alerts.AckAlertsRequest(subscription=options.subscription, cursor=cursor)
                stub.AckAlerts(acknowledgement, metadata=metadata, timeout=CALL_SECONDS_MAX)
                if options.events and seen >= options.events:
                    return
        except grpc.RpcError as error:
            patience.bear(error)
        finally:
            stream.cancel()


def keep(place: Path, cursor: str) -> None:
    """Replaces the file whole: half a cursor would be refused."""
    new = place.with_name(place.name + ".new")
    new.write_text(cursor)
    os.replace(new, place)


def review(stub: alert_service_pb2_grpc.AlertServiceStub, options: argparse.Namespace, metadata: Metadata) -> None:
    """Records a decision on the alert as it is now. Under the id of the request it is recorded once."""
    wanted = alerts.GetAlertRequest(alert_id=options.alert)
    found = patiently(lambda: stub.GetAlert(wanted, metadata=metadata, timeout=CALL_SECONDS_MAX))
    request = alerts.ReviewAlertRequest(
        alert_id=options.alert,
        etag=found.alert.etag,
        decision=resources.ReviewDecision.Value(f"REVIEW_DECISION_{options.decision.upper()}"),
        reason=resources.ReviewReason.Value(f"REVIEW_REASON_{options.reason.upper()}"),
        comment=options.comment,
        request_id=os.urandom(16).hex(),
    )
    answer = patiently(lambda: stub.ReviewAlert(request, metadata=metadata, timeout=CALL_SECONDS_MAX))
    print(resources.AlertState.Name(answer.alert.state).removeprefix("ALERT_STATE_").lower())


def send(channel: grpc.Channel, options: argparse.Namespace, metadata: Metadata) -> None:
    if options.shipments:
        take_shipments = shipment_service_pb2_grpc.ShipmentServiceStub(channel).IngestShipments
        counts = ingest(
            lambda source: take_shipments(source, metadata=metadata),
            batches(
                options.shipments,
                options.records_per_batch,
                resources.ShipmentLine,
                lambda name, records: shipments.IngestShipmentsRequest(request_id=name, shipments=records),
            ),
            options.in_flight,
        )
        print(json.dumps({"shipments": counts}))
    if options.orders:
        take_orders = order_service_pb2_grpc.OrderServiceStub(channel).IngestOrders
        counts = ingest(
            lambda source: take_orders(source, metadata=metadata),
            batches(
                options.orders,
                options.records_per_batch,
                resources.OrderLine,
                lambda name, records: orders.IngestOrdersRequest(request_id=name, orders=records),
            ),
            options.in_flight,
        )
        print(json.dumps({"orders": counts}))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True, help="host:port")
    parser.add_argument("--ca", required=True, help="the authority behind the server's certificate, PEM")
    parser.add_argument("--api-key-file", required=True)
    commands = parser.add_subparsers(dest="command", required=True)
    sending = commands.add_parser("ingest")
    sending.add_argument("--orders", type=Path)
    sending.add_argument("--shipments", type=Path)
    sending.add_argument("--records-per-batch", type=int, default=RECORDS_PER_BATCH, help="1 to 1000")
    sending.add_argument("--in-flight", type=int, default=BATCHES_IN_FLIGHT_MAX, help="most batches without answer")
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
    # A connection that died in silence is noticed.
    keepalive = [("grpc.keepalive_time_ms", 30_000), ("grpc.keepalive_timeout_ms", 10_000)]
    with grpc.secure_channel(options.server, credentials, keepalive) as channel:
        if options.command == "ingest":
            send(channel, options, metadata)
        elif options.command == "watch":
            watch(alert_service_pb2_grpc.AlertServiceStub(channel), options, metadata)
        else:
            review(alert_service_pb2_grpc.AlertServiceStub(channel), options, metadata)


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as refused:
        sys.exit(Failure(refused).text)
