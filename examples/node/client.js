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

const RECORDS_PER_BATCH = 200;
const BATCHES_IN_FLIGHT_MAX = 16;
const CALL_MILLIS_MAX = 30_000;
const [PAUSE_MILLIS_MIN, PAUSE_MILLIS_MAX, TRIES_MAX] = [1_000, 30_000, 10];
// A stream that ends with one of these is opened again; everything else is for a person.
const PASSING = [grpc.status.UNAVAILABLE, grpc.status.RESOURCE_EXHAUSTED, grpc.status.DEADLINE_EXCEEDED];

const PROTO = path.join(__dirname, "../../proto");
const FILES = ["order", "shipment", "alert"].map((name) => path.join(PROTO, `onward/v1/${name}_service.proto`));
const definition = loadSync(FILES, { includeDirs: [PROTO], keepCase: true, longs: String, enums: String });
const { onward } = grpc.loadPackageDefinition(definition);

/** Waits longer after each failure in a row, and gives up at last. */
class Patience {
  failures = 0;

  renew() {
    this.failures = 0;
  }

  async bear(error) {
    this.failures += 1;
    if (!PASSING.includes(error.code) || this.failures >= TRIES_MAX) throw error;
    await pause(Math.min(PAUSE_MILLIS_MIN * 2 ** (this.failures - 1), PAUSE_MILLIS_MAX));
  }
}

/** Batches of a file. The id is a hash of the records: the same in another run, and of no other batch. */
async function* batches(file, field) {
  let lines = [];
  const batch = () => {
    const request_id = createHash("sha256").update(`${field}\n${lines.join("\n")}`).digest("hex");
    const request = { request_id, [field]: lines.map((line) => JSON.parse(line)) };
    lines = [];
    return request;
  };
  for await (const line of readline.createInterface({ input: fs.createReadStream(file), crlfDelay: Infinity })) {
    if (line.trim()) lines.push(line);
    if (lines.length === RECORDS_PER_BATCH) yield batch();
  }
  if (lines.length > 0) yield batch();
}

/** Sends batches until each has its answer; keeps every batch until then, so that a cut costs time only. */
async function ingest(open, source) {
  const [unanswered, counts, patience] = [new Map(), {}, new Patience()];
  let window = BATCHES_IN_FLIGHT_MAX;
  let isSourceDone = false;
  for (;;) {
    const stream = open();
    const answers = stream[Symbol.asyncIterator]();
    for (const batch of unanswered.values()) stream.write(batch);
    try {
      for (;;) {
        while (unanswered.size < window && !isSourceDone) {
          const { value: batch, done } = await source.next();
          isSourceDone = done;
          // Twice the same records in one file: they are on their way already.
          if (done || unanswered.has(batch.request_id)) continue;
          unanswered.set(batch.request_id, batch);
          stream.write(batch);
        }
        if (unanswered.size === 0) return counts;
        const { value: answer, done } = await answers.next();
        if (done) break;
        if (answer.status === "BATCH_STATUS_SLOW_DOWN") {
          // Not looked at: fewer at a time from now on, and the same batch again when it is time.
          window = Math.max(1, window >> 1);
          await pause(answer.retry_after_millis);
          if (unanswered.has(answer.request_id)) stream.write(unanswered.get(answer.request_id));
        } else if (unanswered.delete(answer.request_id)) {
          window = Math.min(window + 1, BATCHES_IN_FLIGHT_MAX);
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
  const { alert } = await ask(client, "GetAlert", { alert_id }, metadata);
  const request = {
    alert_id,
    etag: alert.etag,
    decision: `REVIEW_DECISION_${decision.toUpperCase()}`,
    reason: `REVIEW_REASON_${reason.toUpperCase()}`,
    comment,
    request_id: randomUUID(),
  };
  const patience = new Patience();
  for (;;) {
    try {
      const answer = await ask(client, "ReviewAlert", request, metadata);
      console.log(answer.alert.state.replace("ALERT_STATE_", "").toLowerCase());
      return;
    } catch (error) {
      await patience.bear(error);
    }
  }
}

const USAGE = `node client.js --server HOST:PORT --ca FILE --api-key-file FILE COMMAND
  ingest [--shipments FILE] [--orders FILE]
  watch --cursor-file FILE --subscription NAME [--events COUNT]
  review --alert ID --decision in_review|confirmed|... [--reason goods_went_on|...] [--comment TEXT]`;

async function main() {
  const text = { type: "string" };
  const names = ["server", "ca", "api-key-file", "orders", "shipments", "cursor-file", "subscription", "events", "alert"];
  const options = Object.fromEntries([...names, "decision"].map((name) => [name, text]));
  options.reason = { type: "string", default: "unspecified" };
  options.comment = { type: "string", default: "" };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const needed = { ingest: [], watch: ["cursor-file", "subscription"], review: ["alert", "decision"] }[positionals[0]];
  if (!needed || ["server", "ca", "api-key-file", ...needed].some((name) => !values[name])) throw new Error(USAGE);

  const metadata = new grpc.Metadata();
  metadata.set("authorization", `Bearer ${fs.readFileSync(values["api-key-file"], "utf8").trim()}`);
  const credentials = grpc.credentials.createSsl(fs.readFileSync(values.ca));
  // A connection that died in silence is noticed; the service takes a ping every 30 seconds.
  const keepalive = { "grpc.keepalive_time_ms": 30_000, "grpc.keepalive_timeout_ms": 10_000 };
  const connect = (service) => new onward.v1[service](values.server, credentials, keepalive);
  if (positionals[0] === "ingest") {
    for (const [field, service, method] of [
      ["shipments", "ShipmentService", "IngestShipments"],
      ["orders", "OrderService", "IngestOrders"],
    ]) {
      if (!values[field]) continue;
      const client = connect(service);
      const counts = await ingest(() => client[method](metadata), batches(values[field], field));
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
  console.error(error.message);
  process.exitCode = 1;
});
