// A client of Onward to copy from: sends records, follows alerts, records what a person decided.
//
// Records are JSON Lines: one `OrderLine` or `ShipmentLine` of resources.proto a line, with the names used there.
// What may be tried again, and after how long, is the table in docs/integrating.md.
"use strict";

const { createHash, randomUUID } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");
const { setTimeout: pause } = require("node:timers/promises");
const { parseArgs } = require("node:util");
const grpc = require("@grpc/grpc-js");
const { loadSync } = require("@grpc/proto-loader");
const protobuf = require("protobufjs");

const RECORDS_PER_BATCH = 200;
const BATCHES_IN_FLIGHT_MAX = 16;
const CALL_MILLIS_MAX = 30_000;
const [PAUSE_MILLIS_MIN, PAUSE_MILLIS_MAX, TRIES_MAX] = [1_000, 30_000, 10];
// Without a reason of the service's the transport speaks: a server that was killed shows as any of these.
const PASSING = [grpc.status.UNAVAILABLE, grpc.status.UNKNOWN, grpc.status.CANCELLED, grpc.status.INTERNAL];

const PROTO = path.join(__dirname, "../../proto");
const FILES = ["order", "shipment", "alert"].map((name) => path.join(PROTO, `onward/v1/${name}_service.proto`));
const definition = loadSync(FILES, { includeDirs: [PROTO], keepCase: true, longs: String, enums: String });
const { onward } = grpc.loadPackageDefinition(definition);

// What is read here of google/rpc/status.proto and google/rpc/error_details.proto.
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message RetryInfo { Duration retry_delay = 1; }
`, { keepCase: true });

/** What a failed call says: its reason, and whether and when to try again. */
function failureOf(error) {
  let [reason, pauseMillis] = ["", undefined];
  const [bytes] = error.metadata?.get("grpc-status-details-bin") ?? [];
  for (const { type_url, value } of bytes ? root.lookupType("Status").decode(bytes).details : []) {
    const name = type_url.slice(type_url.lastIndexOf("/") + 1);
    if (name === "google.rpc.ErrorInfo") {
      const info = root.lookupType("ErrorInfo").decode(value);
      if (info.domain === "onward") reason = `${info.reason}: `;
    } else if (name === "google.rpc.RetryInfo") {
      const { retry_delay } = root.lookupType("RetryInfo").decode(value);
      pauseMillis = Number(retry_delay.seconds) * 1_000 + retry_delay.nanos / 1_000_000;
    }
  }
  const isPassing = (!reason && PASSING.includes(error.code)) || error.code === grpc.status.DEADLINE_EXCEEDED;
  if (pauseMillis === undefined && isPassing) pauseMillis = PAUSE_MILLIS_MIN;
  const text = error.code in grpc.status ? `${grpc.status[error.code]}: ${reason}${error.details}` : error.message;
  return { pauseMillis, text };
}

/** Waits as long as the service asks, longer after each failure in a row, and gives up at last. */
class Patience {
  failures = 0;

  renew() {
    this.failures = 0;
  }

  async bear(error) {
    const { pauseMillis, text } = failureOf(error);
    this.failures += 1;
    if (pauseMillis === undefined || this.failures >= TRIES_MAX) throw error;
    const longer = Math.min(PAUSE_MILLIS_MIN * 2 ** (this.failures - 1), PAUSE_MILLIS_MAX);
    // A little more by chance: not all clients come back at once.
    const millis = Math.max(pauseMillis, longer) * (1 + Math.random() / 4);
    console.error(`${text}; again in ${(millis / 1_000).toFixed(2)} s`);
    await pause(millis);
  }
}

/** A call that changes nothing when it is repeated. */
async function patiently(call) {
  const patience = new Patience();
  for (;;) {
    try {
      return await call();
    } catch (error) {
      await patience.bear(error);
    }
  }
}

/** Batches of a file. The id is a hash of the records: the same in another run, and of no other batch. */
async function* batches(file, field, size) {
  let lines = [];
  const batch = () => {
    const request_id = createHash("sha256").update(`${field}\n${lines.join("\n")}`).digest("hex");
    const request = { request_id, [field]: lines.map((line) => JSON.parse(line)) };
    lines = [];
    return request;
  };
  for await (const line of readline.createInterface({ input: fs.createReadStream(file), crlfDelay: Infinity })) {
    if (line.trim()) lines.push(line);
    if (lines.length === size) yield batch();
  }
  if (lines.length > 0) yield batch();
}

/** Sends batches until each has its answer; keeps every batch until then, so that a cut costs time only. */
async function ingest(open, source, inFlightMax) {
  const [unanswered, counts, patience] = [new Map(), {}, new Patience()];
  // Those that the service did not look at, and when it wants them again.
  const waiting = [];
  let [resumeTime, window, isSourceDone] = [0, inFlightMax, false];
  for (;;) {
    const stream = open();
    const next = reader(stream);
    for (const batch of unanswered.values()) stream.write(batch);
    waiting.length = 0;
    try {
      for (;;) {
        while (performance.now() >= resumeTime && unanswered.size - waiting.length < window) {
          if (waiting.length > 0) {
            stream.write(unanswered.get(waiting.shift()));
            continue;
          }
          if (isSourceDone) break;
          const { value: batch, done } = await source.next();
          isSourceDone = done;
          // Twice the same records in one file: they are on their way already.
          if (done || unanswered.has(batch.request_id)) continue;
          unanswered.set(batch.request_id, batch);
          stream.write(batch);
        }
        if (unanswered.size === 0) return counts;
        if (unanswered.size === waiting.length) {
          await pause(Math.max(0, resumeTime - performance.now()));
          continue;
        }
        const { value: answer, done } = await next();
        if (done) throw new Error("the stream ended before every batch had its answer");
        if (answer.status === "BATCH_STATUS_SLOW_DOWN") {
          if (waiting.length === 0) console.error("asked to slow down");
          waiting.push(answer.request_id);
          // As many at a time as the service did take.
          window = Math.max(1, unanswered.size - waiting.length);
          resumeTime = performance.now() + answer.retry_after_millis;
        } else if (unanswered.delete(answer.request_id)) {
          window = Math.min(window + 1 / window, inFlightMax);
          patience.renew();
          note(answer, counts);
        }
      }
    } catch (error) {
      await patience.bear(error);
    } finally {
      stream.end();
    }
  }
}

/** Gives the next message of a stream, asked for ahead: an error that comes while nobody reads would end the program. */
function reader(stream) {
  const messages = stream[Symbol.asyncIterator]();
  const ask = () => {
    const message = messages.next();
    message.catch(() => {});
    return message;
  };
  let coming = ask();
  return async () => {
    const message = await coming;
    coming = ask();
    return message;
  };
}

function note(answer, counts) {
  if (answer.status === "BATCH_STATUS_REFUSED") {
    throw new Error(`batch ${answer.request_id} was refused: ${answer.reason}`);
  }
  for (const outcome of answer.outcomes ?? []) {
    const word = outcome.status.replace("RECORD_STATUS_", "").toLowerCase();
    counts[word] = (counts[word] ?? 0) + 1;
    for (const fault of outcome.faults ?? []) console.error(`rejected: ${fault.field}: ${fault.description}`);
  }
}

/** A call with one answer. */
function ask(client, method, request, metadata) {
  const options = { deadline: Date.now() + CALL_MILLIS_MAX };
  return new Promise((resolve, reject) => {
    client[method](request, metadata, options, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

/** Prints events as JSON Lines. An event counts as handled, here and at the service, after it was printed. */
async function watch(client, metadata, { "cursor-file": place, subscription, events }) {
  let cursor = fs.existsSync(place) ? fs.readFileSync(place, "utf8").trim() : "";
  const patience = new Patience();
  let seen = 0;
  for (;;) {
    const stream = client.WatchAlerts({ cursor, subscription }, metadata);
    try {
      for await (const message of stream) {
        patience.renew();
        if (message.event) {
          console.log(JSON.stringify(message.event));
          seen += 1;
        }
        cursor = message.cursor;
        // Replaced whole: half a cursor would be refused.
        fs.writeFileSync(`${place}.new`, cursor);
        fs.renameSync(`${place}.new`, place);
        await ask(client, "AckAlerts", { subscription, cursor }, metadata);
        if (events && seen >= Number(events)) return;
      }
    } catch (error) {
      await patience.bear(error);
    } finally {
      stream.cancel();
    }
  }
}

/** Records a decision on the alert as it is now. Under the id of the request it is recorded once. */
async function review(client, metadata, { alert: alert_id, decision, reason, comment }) {
  const { alert } = await patiently(() => ask(client, "GetAlert", { alert_id }, metadata));
  const request = {
    alert_id,
    etag: alert.etag,
    decision: `REVIEW_DECISION_${decision.toUpperCase()}`,
    reason: `REVIEW_REASON_${reason.toUpperCase()}`,
    comment,
    request_id: randomUUID(),
  };
  const answer = await patiently(() => ask(client, "ReviewAlert", request, metadata));
  console.log(answer.alert.state.replace("ALERT_STATE_", "").toLowerCase());
}

const USAGE = `node client.js --server HOST:PORT --ca FILE --api-key-file FILE COMMAND
  ingest [--shipments FILE] [--orders FILE] [--records-per-batch COUNT] [--in-flight COUNT]
  watch --cursor-file FILE --subscription NAME [--events COUNT]
  review --alert ID --decision in_review|confirmed|... [--reason goods_went_on|...] [--comment TEXT]`;

async function main() {
  const text = { type: "string" };
  const names = ["server", "ca", "api-key-file", "orders", "shipments", "cursor-file", "subscription", "events", "alert"];
  const options = Object.fromEntries([...names, "decision"].map((name) => [name, text]));
  options.reason = { type: "string", default: "unspecified" };
  options.comment = { type: "string", default: "" };
  options["records-per-batch"] = { type: "string", default: String(RECORDS_PER_BATCH) };
  options["in-flight"] = { type: "string", default: String(BATCHES_IN_FLIGHT_MAX) };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const needed = { ingest: [], watch: ["cursor-file", "subscription"], review: ["alert", "decision"] }[positionals[0]];
  if (!needed || ["server", "ca", "api-key-file", ...needed].some((name) => !values[name])) throw new Error(USAGE);

  const metadata = new grpc.Metadata();
  metadata.set("authorization", `Bearer ${fs.readFileSync(values["api-key-file"], "utf8").trim()}`);
  const credentials = grpc.credentials.createSsl(fs.readFileSync(values.ca));
  // A connection that died in silence is noticed.
  const keepalive = { "grpc.keepalive_time_ms": 30_000, "grpc.keepalive_timeout_ms": 10_000 };
  const connect = (service) => new onward.v1[service](values.server, credentials, keepalive);
  if (positionals[0] === "ingest") {
    for (const [field, service, method] of [
      ["shipments", "ShipmentService", "IngestShipments"],
      ["orders", "OrderService", "IngestOrders"],
    ]) {
      if (!values[field]) continue;
      const client = connect(service);
      const source = batches(values[field], field, Number(values["records-per-batch"]));
      const counts = await ingest(() => client[method](metadata), source, Number(values["in-flight"]));
      console.log(JSON.stringify({ [field]: counts }));
      client.close();
    }
  } else {
    const client = connect("AlertService");
    await { watch, review }[positionals[0]](client, metadata, values);
    client.close();
  }
}

main().catch((error) => {
  console.error(failureOf(error).text);
  process.exitCode = 1;
});
