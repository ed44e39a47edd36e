//! `onward demo`: the whole way in one go, for somebody who sees Onward for the first time.
//!
//! Come here for the order of the story. It uses the same service and client as everybody else; what is told of a
//! finding is in `story`. The truth of the world is looked at for the last lines only.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::ValueHint;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use super::calls;
use super::exit::{Failure, Outcome};
use super::progress::Progress;
use super::serve;
use super::story::Story;
use super::summary::grouped_count;
use super::temporary::TemporaryFolder;
use crate::api::{self, Batch, Client, ClientError, RecordKind, ServeOptions};
use crate::evaluation::{LinkOutcome, PrecisionRecall, link_scores};
use crate::model::{Finding, Level, OrderKey, OrderLine, Record};
use crate::screening::Service;
use crate::simulation::{CsvWorldWriter, MemoryWorld, Profile, WorldOptions, generate};

/// Shipment lines of the world for each order line.
const SHIPMENTS_PER_ORDER: u64 = 5;
/// Records of one batch.
const RECORDS_PER_BATCH: usize = 250;
/// From which probability on a link counts as found.
const THRESHOLD: f64 = 0.5;

/// Which world.
#[derive(clap::Args, Debug)]
pub(super) struct DemoArguments {
    /// Another seed makes another world
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(super) seed: u64,
    /// How many order lines
    #[arg(long, value_name = "COUNT", default_value_t = 400, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(super) orders: u64,
    /// Keep the world and the store in this folder; otherwise both are gone afterwards
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(super) keep: Option<PathBuf>,
}

/// What the service answered.
struct Answers {
    findings: Vec<Finding>,
    alert_count: u64,
}

/// Makes the world, runs it through the service, tells what came of it.
pub(super) fn run(arguments: &DemoArguments, progress: &Progress) -> Result<Outcome, Failure> {
    let runtime = calls::runtime()?;
    let interrupted = {
        let _inside = runtime.enter();
        runtime.spawn(calls::interrupted())
    };
    let options =
        WorldOptions::new(arguments.seed, arguments.orders, arguments.orders * SHIPMENTS_PER_ORDER, Profile::Small);
    let mut world = MemoryWorld::default();
    generate(&options, &mut world).map_err(|source| Failure::Io { what: "making the world".to_owned(), source })?;
    tell(&introduction(arguments, &world))?;

    let temporary = TemporaryFolder::create();
    let temporary = temporary.map_err(|source| Failure::Io { what: "making a folder".to_owned(), source })?;
    let folder = arguments.keep.as_deref().unwrap_or(temporary.path());
    if let Some(kept) = &arguments.keep {
        keep_world(kept, &options).map_err(Failure::io("writing into", kept))?;
    }
    let service = serve::open(&folder.join("onward.redb"))?;
    let answers = runtime.block_on(async {
        tokio::select! {
            answers = through_the_service(service.clone(), &world, progress) => answers.map(Some),
            _ = interrupted => Ok(None),
        }
    });
    runtime.shutdown_background();
    drop(service);
    let Some(answers) = answers? else { return Ok(Outcome::Done) };

    let orders: BTreeMap<OrderKey, OrderLine> =
        world.orders.iter().map(|line| (line.key.clone(), line.clone())).collect();
    tell(&format!("{} alerts came over the watch stream.\n\n", grouped_count(answers.alert_count)))?;
    tell(&Story { findings: &answers.findings, orders: &orders }.text())?;
    tell(&comparison(&answers.findings, &world))?;
    tell(&next_steps(arguments.keep.as_deref()))?;
    Ok(Outcome::Done)
}

fn tell(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Failure::stdout)
}

fn introduction(arguments: &DemoArguments, world: &MemoryWorld) -> String {
    let buyers: BTreeSet<&str> = world.orders.iter().map(|line| line.buyer.name.as_str()).collect();
    format!(
        "A made-up world (seed {}): you sold {} order lines to Kazakhstan, to buyers spelt in {} ways. {} lines of\n\
         customs and transport papers show goods moving: most are honest trade, other sellers' goods and namesakes.\n\n",
        arguments.seed,
        grouped_count(world.orders.len() as u64),
        grouped_count(buyers.len() as u64),
        grouped_count(world.shipments.len() as u64)
    )
}

/// The same world once more, as files: the same options give the same rows.
fn keep_world(folder: &Path, options: &WorldOptions) -> io::Result<()> {
    let mut writer = CsvWorldWriter::create(folder)?;
    generate(options, &mut writer)?;
    writer.finish()
}

/// Serves, sends everything, and gathers what the service has to say.
async fn through_the_service(service: Service, world: &MemoryWorld, progress: &Progress) -> Result<Answers, Failure> {
    let started = Instant::now();
    let listening = |source| Failure::Io { what: "listening on this machine".to_owned(), source };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(listening)?;
    let server = format!("http://{}", listener.local_addr().map_err(listening)?);
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move { drop(stopped.await) };
    let serving = tokio::spawn(api::serve(listener, service, shutdown, ServeOptions::default()));

    let failed = |error| calls::failed(&server, error);
    let client = Client::connect(&server, "demo").await.map_err(failed)?;
    let count = send(&client, world, progress).await.map_err(failed)?;
    let sent_in = started.elapsed();
    client.wait_until_screened().await.map_err(failed)?;
    let judged_in = started.elapsed() - sent_in;
    let alert_count = follow_alerts(&client).await.map_err(failed)?;
    let findings = client.all_findings(Level::None).await.map_err(failed)?;
    tell(&format!(
        "A service on {server} took in {} records over gRPC in {:.1} s and judged them in {:.1} s more.\n",
        grouped_count(count),
        sent_in.as_secs_f64(),
        judged_in.as_secs_f64()
    ))?;

    drop(client);
    // Nobody else is there to be told; when the service has gone already, so much the better.
    let _ = stop.send(());
    let served = serving.await.map_err(|error| Failure::Bug(error.to_string()))?;
    served.map_err(|error| Failure::Io { what: "serving".to_owned(), source: io::Error::other(error) })?;
    Ok(Answers { findings, alert_count })
}

/// Sends the register, the papers and the orders; gives how many records the service stored.
async fn send(client: &Client, world: &MemoryWorld, progress: &Progress) -> Result<u64, ClientError> {
    let companies = world.companies.iter().map(|company| Record::Company(Box::new(company.clone())));
    let shipments = world.shipments.iter().map(|line| Record::Shipment(Box::new(line.clone())));
    let orders = world.orders.iter().map(|line| Record::Order(Box::new(line.clone())));
    let kinds: [(RecordKind, &str, Vec<Record>); 3] = [
        (RecordKind::Companies, "sending companies", companies.collect()),
        (RecordKind::Shipments, "sending papers", shipments.collect()),
        (RecordKind::Orders, "sending orders", orders.collect()),
    ];
    let mut stored = 0;
    for (kind, what, records) in kinds {
        let (batches, receiver) = mpsc::channel(4);
        let (mut done, total) = (0, records.len() as u64);
        let ingest = client.ingest(kind, receiver, |report| {
            done += report.outcomes.len() as u64;
            progress.at(what, done, total);
        });
        let hand_over = async move {
            for (number, records) in records.chunks(RECORDS_PER_BATCH).enumerate() {
                let batch = Batch { request_id: format!("{kind:?}-{number}"), records: records.to_vec() };
                // Refused only when the stream has failed, which its own end says.
                if batches.send(batch).await.is_err() {
                    return;
                }
            }
        };
        stored += tokio::join!(ingest, hand_over).0?.stored;
    }
    progress.finish();
    Ok(stored)
}

/// Watches until the last state of every alert has come by; gives how many alerts that were.
async fn follow_alerts(client: &Client) -> Result<u64, ClientError> {
    let held = client.all_alerts().await?;
    let mut missing: BTreeMap<_, u32> = held.iter().map(|alert| (alert.id, alert.revision)).collect();
    let mut watch = client.watch(None);
    while !missing.is_empty() {
        let event = watch.next_event().await?;
        if missing.get(&event.alert.id).is_some_and(|last| event.alert.revision >= *last) {
            missing.remove(&event.alert.id);
        }
    }
    Ok(held.len() as u64)
}

/// How it did, in three lines.
fn comparison(findings: &[Finding], world: &MemoryWorld) -> String {
    let found: Vec<LinkOutcome> = findings
        .iter()
        .flat_map(|finding| {
            finding.links.iter().map(|link| LinkOutcome {
                order_id: finding.order.order_id.clone(),
                line_no: finding.order.line_no,
                document_number: link.onward.number.clone(),
                document_line: link.onward.line_no,
                probability: link.probability.to_f64(),
            })
        })
        .collect();
    let known: Vec<LinkOutcome> = world
        .truth_links
        .iter()
        .map(|link| LinkOutcome {
            order_id: link.order_id.clone(),
            line_no: link.line_no,
            document_number: link.document_number.clone(),
            document_line: link.document_line,
            probability: 1.0,
        })
        .collect();
    let diverted: BTreeSet<OrderKey> = world
        .truth_orders
        .iter()
        .filter(|order| order.diverted.is_positive())
        .map(|order| OrderKey { order_id: order.order_id.clone(), line_no: order.line_no })
        .collect();
    let suspected: BTreeSet<OrderKey> =
        findings.iter().filter(|finding| finding.level == Level::High).map(|finding| finding.order.clone()).collect();
    let right = suspected.intersection(&diverted).count() as u64;
    let lines = PrecisionRecall::from_counts(right, suspected.len() as u64 - right, diverted.len() as u64 - right);
    let row = |what: &str, scores: &PrecisionRecall| {
        let PrecisionRecall { true_positive_count, false_positive_count, false_negative_count, f1, .. } = scores;
        format!(
            "  {what:<12} {true_positive_count:>4} right {false_positive_count:>4} wrong {false_negative_count:>4} missed   F1 {f1:.3}\n"
        )
    };
    format!(
        "\nThe world knows what really happened, and Onward was not told. Against that truth:\n{}{}",
        row("order lines", &lines),
        row("links", &link_scores(&found, &known, THRESHOLD))
    )
}

fn next_steps(kept: Option<&Path>) -> String {
    let (make, world) = match kept {
        Some(folder) => (String::new(), folder.display().to_string()),
        None => ("  onward simulate --out world\n".to_owned(), "world".to_owned()),
    };
    format!(
        "\nWhat to type next:\n{make}\
         \x20 onward screen --orders {world}/orders.csv --shipments {world}/shipments.csv \
         --companies {world}/companies.csv --out found\n\
         \x20 onward backtest --truth {world} --found found --svg curves.svg\n\
         \x20 onward serve --data onward.redb      then, beside it: onward import --help, onward watch --help\n"
    )
}
