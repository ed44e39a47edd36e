//! The two folders that a back-test compares: what is known to have happened, and what was found.
//!
//! Come here for the files' columns and what may be missing. What precision and recall are is in `evaluation`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use super::arguments::RecordFiles;
use super::exit::Failure;
use super::progress::Progress;
use super::records::Reader;
use crate::evaluation::{LinkOutcome, OrderOutcome, PartyDecision, PartyMention, PartyTruth, QuantityOutcome};
use crate::intake;
use crate::model::{Corridor, Day, OrderKey, Party};

/// What is known to have happened.
#[derive(Default)]
pub(super) struct Known {
    /// Links that are true.
    pub(super) links: Vec<LinkOutcome>,
    /// Ordered and diverted quantity of every order line.
    orders: BTreeMap<OrderKey, (f64, f64)>,
    /// Who stands behind the mentions that are compared.
    pub(super) parties: Vec<PartyTruth>,
    /// Day of every order.
    order_days: BTreeMap<OrderKey, Day>,
    /// Day of every paper.
    paper_days: BTreeMap<String, Day>,
}

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    /// Links with their probabilities.
    pub(super) links: Vec<LinkOutcome>,
    /// Score, priority and attributed quantity of every order line.
    orders: BTreeMap<OrderKey, (f64, f64, f64)>,
    /// Who was taken for whom; `None` where the folder does not say, as after `export`.
    pub(super) parties: Option<Vec<PartyDecision>>,
}

/// Mentions of an order or paper by their kind in the truth, and by the order's or paper's number.
type Mentions = BTreeMap<(&'static str, String), Vec<PartyMention>>;

/// One CSV file, read row by row by the names of its columns.
struct Rows {
    path: PathBuf,
    reader: csv::Reader<File>,
    places: BTreeMap<String, usize>,
}

/// One row, with what is needed to say where something is wrong.
struct Row<'a> {
    path: &'a Path,
    places: &'a BTreeMap<String, usize>,
    record: &'a csv::StringRecord,
}

impl Known {
    /// Reads the truth, and beside it the world's own orders and shipments where they are there.
    pub(super) fn read(folder: &Path, progress: &Progress) -> Result<Self, Failure> {
        let mut known = Self::default();
        Rows::open(folder, "truth_links.csv", &["order_id", "document_number"])?.each(|row| {
            known.links.push(row.link(1.0)?);
            Ok(())
        })?;
        Rows::open(folder, "truth_orders.csv", &["order_id", "quantity", "diverted"])?.each(|row| {
            known.orders.insert(row.order()?, (row.number("quantity")?, row.number("diverted")?));
            Ok(())
        })?;
        let mentions = known.read_world(folder, progress)?;
        if folder.join("truth_parties.csv").exists() {
            Rows::open(folder, "truth_parties.csv", &["kind", "ref", "company"])?.each(|row| {
                let kind = if row.text("kind") == "order" { "order" } else { "shipment" };
                let spellings = match row.text("kind") {
                    "order" | "shipment" => mentions.get(&(kind, row.text("ref").to_owned())),
                    _ => None,
                };
                let company = row.text("company");
                known.parties.extend(
                    spellings
                        .into_iter()
                        .flatten()
                        .map(|mention| PartyTruth { mention: mention.clone(), company: company.to_owned() }),
                );
                Ok(())
            })?;
        }
        Ok(known)
    }

    /// Each order line that the truth knows of: what is true beside what was found.
    pub(super) fn outcomes(&self, found: &Found) -> Vec<OrderOutcome> {
        let mut seen: BTreeMap<(&str, u32), (f64, Day)> = BTreeMap::new();
        for link in &found.links {
            let Some(day) = self.paper_days.get(&link.document_number) else { continue };
            let best = seen.entry((&link.order_id, link.line_no)).or_insert((link.probability, *day));
            if link.probability > best.0 {
                *best = (link.probability, *day);
            }
        }
        let outcome = |(key, (ordered, diverted)): (&OrderKey, &(f64, f64))| {
            let (score, priority, attributed) = found.orders.get(key).copied().unwrap_or_default();
            // Nothing can come up before the paper that gives it away.
            let paper_day = seen.get(&(key.order_id.as_str(), key.line_no)).map(|(_, day)| *day);
            OrderOutcome {
                order_id: key.order_id.clone(),
                line_no: key.line_no,
                day: paper_day.or_else(|| self.order_days.get(key).copied()),
                score,
                priority,
                quantity: QuantityOutcome { ordered: *ordered, attributed, diverted: *diverted },
            }
        };
        self.orders.iter().map(outcome).collect()
    }

    /// How many order lines were found of which the truth says nothing; these and their links are taken out.
    pub(super) fn take_out_unknown(&self, found: &mut Found) -> u64 {
        let ids: BTreeSet<&str> = self.orders.keys().map(|key| key.order_id.as_str()).collect();
        let before = found.orders.len();
        found.orders.retain(|key, _| ids.contains(key.order_id.as_str()));
        found.links.retain(|link| ids.contains(link.order_id.as_str()));
        (before - found.orders.len()) as u64
    }

    fn read_world(&mut self, folder: &Path, progress: &Progress) -> Result<Mentions, Failure> {
        let there = |name: &str| Some(folder.join(name)).filter(|path| path.exists()).into_iter().collect();
        let files = RecordFiles {
            orders: there("orders.csv"),
            shipments: there("shipments.csv"),
            companies: Vec::new(),
            column_map: None,
            strict: false,
        };
        let mut mentions = Mentions::new();
        let mut reader = Reader::new(&files, progress)?;
        reader.read("known orders", &files.orders, intake::read_orders, |line| {
            mentions.entry(("order", line.key.order_id.clone())).or_default().push(mention("buyer", &line.buyer));
            self.order_days.insert(line.key, line.ship_date.unwrap_or(line.order_date));
        })?;
        let ostensible = Corridor::default().ostensible;
        reader.read("known shipments", &files.shipments, intake::read_shipments, |line| {
            if line.consignor.country == Some(ostensible) {
                let spelling = mention("consignor", &line.consignor);
                mentions.entry(("shipment", line.key.number.clone())).or_default().push(spelling);
            }
            self.paper_days.insert(line.key.number, line.date);
        })?;
        reader.finish();
        Ok(mentions)
    }
}

impl Found {
    /// Reads what `screen` or `export` wrote as CSV.
    pub(super) fn read(folder: &Path) -> Result<Self, Failure> {
        let mut found = Self::default();
        let columns = ["order_id", "score", "priority", "attributed_quantity"];
        Rows::open(folder, "decisions.csv", &columns)?.each(|row| {
            let figures = (row.number("score")?, row.number("priority")?, row.number("attributed_quantity")?);
            let order = row.order()?;
            // Of two findings on one line one would have to be left out, and nobody could say which.
            let again = format!("order {} line {} stands here for the second time", order.order_id, order.line_no);
            found.orders.insert(order, figures).map_or(Ok(()), |_| Err(row.wrong(&again)))
        })?;
        Rows::open(folder, "links.csv", &["order_id", "document_number", "probability"])?.each(|row| {
            found.links.push(row.link(row.number("probability")?)?);
            Ok(())
        })?;
        if folder.join("parties.csv").exists() {
            let columns = ["role", "name", "identifier", "country", "entity", "probability"];
            let mut parties = Vec::new();
            Rows::open(folder, "parties.csv", &columns)?.each(|row| {
                let text = |column: &str| armed(row.text(column)).to_owned();
                parties.push(PartyDecision {
                    mention: PartyMention {
                        role: text("role"),
                        name: text("name"),
                        identifier: text("identifier"),
                        country: text("country"),
                    },
                    entity: text("entity"),
                    probability: row.number("probability")?,
                });
                Ok(())
            })?;
            found.parties = Some(parties);
        }
        Ok(found)
    }
}

impl Rows {
    fn open(folder: &Path, name: &str, needed: &[&str]) -> Result<Self, Failure> {
        let path = folder.join(name);
        let unreadable = |reason: String| Failure::Unreadable(format!("{}: {reason}", path.display()));
        let file = File::open(&path).map_err(|error| unreadable(error.to_string()))?;
        let mut reader = csv::Reader::from_reader(file);
        let header = reader.headers().map_err(|error| unreadable(error.to_string()))?;
        let places: BTreeMap<String, usize> =
            header.iter().enumerate().map(|(place, name)| (name.trim().to_owned(), place)).collect();
        match needed.iter().find(|column| !places.contains_key(**column)) {
            Some(column) => Err(unreadable(format!("there is no column `{column}`"))),
            None => Ok(Self { path, reader, places }),
        }
    }

    fn each(mut self, mut take: impl FnMut(Row<'_>) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut record = csv::StringRecord::new();
        loop {
            match self.reader.read_record(&mut record) {
                Ok(true) => take(Row { path: &self.path, places: &self.places, record: &record })?,
                Ok(false) => return Ok(()),
                Err(error) => return Err(Failure::Unreadable(format!("{}: {error}", self.path.display()))),
            }
        }
    }
}

impl<'a> Row<'a> {
    /// A cell; empty where there is no such column.
    fn text(&self, column: &str) -> &'a str {
        self.places.get(column).and_then(|place| self.record.get(*place)).unwrap_or("")
    }

    fn number(&self, column: &str) -> Result<f64, Failure> {
        self.parsed(column, |text| text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0))
    }

    /// A line of an order or paper; the first where the file has no such column.
    fn line_no(&self, column: &str) -> Result<u32, Failure> {
        if self.text(column).is_empty() { Ok(1) } else { self.parsed(column, |text| text.parse().ok()) }
    }

    fn order(&self) -> Result<OrderKey, Failure> {
        Ok(OrderKey { order_id: armed(self.text("order_id")).to_owned(), line_no: self.line_no("line_no")? })
    }

    fn link(&self, probability: f64) -> Result<LinkOutcome, Failure> {
        let OrderKey { order_id, line_no } = self.order()?;
        let document_number = armed(self.text("document_number")).to_owned();
        Ok(LinkOutcome {
            order_id,
            line_no,
            document_number,
            document_line: self.line_no("document_line")?,
            probability,
        })
    }

    fn parsed<T>(&self, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Failure> {
        let text = self.text(column);
        parse(text.trim()).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            self.wrong(&format!("`{shown}` is no {column}"))
        })
    }

    fn wrong(&self, what: &str) -> Failure {
        let line = self.record.position().map_or(0, csv::Position::line);
        Failure::Unreadable(format!("{}: line {line}: {what}", self.path.display()))
    }
}

fn mention(role: &str, party: &Party) -> PartyMention {
    PartyMention {
        role: role.to_owned(),
        name: party.name.clone(),
        identifier: party.identifier.clone(),
        country: party.country.map_or(String::new(), |country| country.to_string()),
    }
}

/// A text without the apostrophe that keeps a spreadsheet from running it.
fn armed(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '@', '\t', '\r', '+', '-']) => rest,
        _ => text,
    }
}
