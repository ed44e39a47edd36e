//! Files that are not any more what was written: one flipped bit, a page of zeros, an end that is gone.
//!
//! Come here for what `check` promises. A file in which it finds nothing wrong has exactly the rows that were written;
//! everything else is told. What a service would read from the same file without a check is counted beside.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable};

use super::disk::Dice;
use super::plain::{Work, random_work};
use super::samples::{batch, clock, company, finding, options, order, order_key, rule, shipment};
use crate::model::{AlertSettings, Finding, JobSource};
use crate::store::codec::{decode_finding, join, stored_form};
use crate::store::handle::block_on;
use crate::store::{CheckReport, RawInput, Store, StoreError, StoreOptions, build, check, compact, tables, write_rows};

/// Faults of each test run; more with `ONWARD_DAMAGE_FAULTS`.
const FAULTS: u64 = 400;

const PAGE: usize = 4096;

fn open(path: &Path) -> Result<Store, StoreError> {
    Store::open(path, StoreOptions { identity: None, ..options() }, clock())
}

/// A store with something in every corner.
fn fill(path: &Path) {
    let (store, mut dice) = (open(path).unwrap(), Dice::new(3));
    for number in 0..40 {
        match random_work(&mut dice, number) {
            Work::Accept(batch) => drop(store.accept_blocking(batch).unwrap()),
            Work::Judge(findings, _) => drop(store.commit_judgements_blocking(findings, None, rule()).unwrap()),
        }
    }
    let records =
        (100..140).flat_map(|number| [order(number, "bearing"), shipment(number, "pump"), company(number, "A")]);
    let mut raw = batch("steppe", "raw", records.collect());
    raw.raw = Some(RawInput { label: "orders.csv".to_owned(), bytes: vec![b'x'; 20_000] });
    store.accept_blocking(raw).unwrap();
    store.commit_judgements_blocking(Vec::<Finding>::new(), Some(60), rule()).unwrap();
    block_on(async {
        store.acknowledge("steppe", "desk", 1).await.unwrap();
        store.set_alert_settings("steppe", AlertSettings { four_eyes: true }).await.unwrap();
        let days = JobSource::Stored { first_day: None, last_day: None };
        store.start_job("steppe", "job", days).await.unwrap();
    });
}

/// Every row of a store, as bytes.
fn content(path: &Path) -> Result<Vec<u8>, StoreError> {
    let (store, mut rows) = (open(path)?, Vec::new());
    let written = store.snapshot().map(|snapshot| write_rows(&snapshot, &mut rows));
    match written? {
        Ok(_) => Ok(rows),
        Err(fault) => Err(StoreError::Damaged { what: fault.to_string() }),
    }
}

/// Does something to a file; what, in words.
fn damage(bytes: &mut Vec<u8>, number: u64) -> String {
    let mut dice = Dice::new(number);
    let at = dice.below(bytes.len() as u64) as usize;
    let (bit, kind) = (dice.below(8), number % 6);
    match number {
        // Which state of the file counts is said by these bytes.
        0..64 => {
            bytes[8 + number as usize / 8] ^= 1 << (number % 8);
            format!("bit {} of byte {}", number % 8, 8 + number / 8)
        }
        _ if kind == 0 => {
            bytes.truncate(at);
            format!("{at} bytes left")
        }
        _ if kind == 1 => {
            let start = at / PAGE * PAGE;
            let end = (start + PAGE).min(bytes.len());
            bytes[start..end].fill(0);
            format!("page at {start} of zeros")
        }
        _ if kind == 2 => {
            bytes[at % 320] ^= 1 << bit;
            format!("bit {bit} of byte {}", at % 320)
        }
        _ => {
            bytes[at] ^= 1 << bit;
            format!("bit {bit} of byte {at}")
        }
    }
}

#[test]
fn a_damaged_file_is_told_or_has_the_same_rows() {
    let faults = std::env::var("ONWARD_DAMAGE_FAULTS").ok().and_then(|text| text.parse().ok()).unwrap_or(FAULTS);
    let folder = tempfile::tempdir().unwrap();
    let (path, spoilt) = (folder.path().join("store"), folder.path().join("spoilt"));
    fill(&path);
    // Without the room that it keeps, so that faults meet something.
    compact(&path).unwrap();
    let (sound, expected) = (fs::read(&path).unwrap(), content(&path).unwrap());
    assert!(check(&path).unwrap().is_whole());
    let (mut told, mut harmless, mut unseen, mut broke_off) = (0, 0, 0, 0);
    for number in 0..faults {
        let mut bytes = sound.clone();
        let story = format!("fault {number}: {}", damage(&mut bytes, number));
        fs::write(&spoilt, &bytes).unwrap();
        let is_whole = match catch_unwind(|| check(&spoilt)) {
            Ok(checked) => checked.is_ok_and(|report| report.is_whole()),
            Err(_) => panic!("{story}: the check broke off"),
        };
        assert!(fs::read(&spoilt).unwrap() == bytes, "{story}: the check changed the file");
        // What a service would have read.
        match catch_unwind(AssertUnwindSafe(|| content(&spoilt))) {
            Ok(Ok(rows)) if rows == expected => harmless += u64::from(is_whole),
            Ok(Ok(_)) => {
                unseen += 1;
                assert!(!is_whole, "{story}: other rows, and the check finds nothing");
            }
            Ok(Err(fault)) => assert!(!is_whole, "{story}: {fault}, and the check finds nothing"),
            Err(_) => {
                broke_off += 1;
                assert!(!is_whole, "{story}: the database breaks off, and the check finds nothing");
            }
        }
        told += u64::from(!is_whole);
    }
    let unchecked = format!("without a check {unseen} with other rows, {broke_off} that break off");
    assert!(told > faults / 4 && harmless > faults / 20, "{told} told, {harmless} harmless; {unchecked}");
    // Else `docs/reliability.md` would not have to warn of them.
    assert!(faults < FAULTS || (unseen > 0 && broke_off > 0), "{unchecked}");
}

/// Changes a file as somebody would who knows the database.
fn tamper(path: &Path, change: impl FnOnce(&redb::WriteTransaction)) -> CheckReport {
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    change(&transaction);
    transaction.commit().unwrap();
    drop(database);
    check(path).unwrap()
}

#[test]
fn what_was_changed_behind_the_back_of_the_service_is_found_and_no_name_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let original = folder.path().join("store");
    fill(&original);
    type Change = fn(&redb::WriteTransaction);
    let changes: [(&str, Change); 8] = [
        ("is not what was judged", |transaction| {
            let mut findings = transaction.open_table(tables::FINDINGS).unwrap();
            let (key, value) =
                findings.first().unwrap().map(|(key, value)| (key.value().0, value.value().to_vec())).unwrap();
            let stored = decode_finding(&value).unwrap();
            let order = stored.finding.order.clone();
            let mut gentler = stored.finding;
            gentler.summary = "nothing to see".to_owned();
            let row = join(stored.revision, &stored_form(&gentler).unwrap());
            findings.insert((key, order.order_id.as_str(), order.line_no), row.as_slice()).unwrap();
        }),
        ("judgements", |transaction| {
            drop(transaction.open_table(tables::FINDINGS).unwrap().pop_first().unwrap());
        }),
        ("was changed after", |transaction| {
            let mut audit = transaction.open_table(tables::AUDIT).unwrap();
            let mut row = audit.get(3).unwrap().unwrap().value().to_vec();
            let last = row.len() - 1;
            row[last] ^= 1;
            audit.insert(3, row.as_slice()).unwrap();
        }),
        ("different numbers", |transaction| {
            drop(transaction.open_table(tables::RECORDS).unwrap().pop_last().unwrap());
        }),
        ("is not found under its key", |transaction| {
            drop(transaction.open_table(tables::ORDER_KEYS).unwrap().pop_first().unwrap());
        }),
        ("under its alert", |transaction| {
            drop(transaction.open_table(tables::EVENTS_BY_ALERT).unwrap().pop_first().unwrap());
        }),
        ("is not what the event says", |transaction| {
            drop(transaction.open_table(tables::ALERTS).unwrap().pop_first().unwrap());
        }),
        ("records.v1, row 1", |transaction| {
            transaction.open_table(tables::RECORDS).unwrap().insert(1, [1, 0, 0, 0, 9].as_slice()).unwrap();
        }),
    ];
    let path = folder.path().join("changed");
    for (expected, change) in changes {
        fs::copy(&original, &path).unwrap();
        let report = tamper(&path, change);
        assert!(report.faults.iter().any(|fault| fault.contains(expected)), "{expected:?} in {:?}", report.faults);
        let told = report.faults.join("\n");
        for name in ["steppe", "taiga", "O-1", "bearing", "Saryarka"] {
            assert!(!told.contains(name), "{name} in {told}");
        }
    }
    assert!(check(&original).unwrap().is_whole());
}

#[test]
fn a_store_in_use_is_not_checked_and_one_that_was_killed_is() {
    let folder = tempfile::tempdir().unwrap();
    let (path, killed) = (folder.path().join("store"), folder.path().join("killed"));
    fill(&path);
    let store = open(&path).unwrap();
    assert_eq!(check(&path), Err(StoreError::AlreadyOpen));
    store.commit_judgements_blocking(vec![finding("steppe", 1, 90)], None, rule()).unwrap();
    fs::copy(&path, &killed).unwrap();
    let report = check(&killed).unwrap();
    assert!(report.is_whole(), "{:?}", report.faults);
    assert!(matches!(check(&folder.path().join("none")), Err(StoreError::Broken { .. })));
    drop(store);
    assert_eq!(content(&path), content(&killed));
}

#[test]
fn a_copy_has_every_row_and_a_stream_that_was_cut_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("store"), folder.path().join("copy"));
    fill(&path);
    let store = open(&path).unwrap();
    let snapshot = store.snapshot().unwrap();
    // The copy is of the moment of the snapshot, whatever comes meanwhile.
    store.commit_judgements_blocking(vec![finding("steppe", 1, 95)], None, rule()).unwrap();
    let mut rows = Vec::new();
    let row_count = write_rows(&snapshot, &mut rows).unwrap();
    assert_eq!(build(&copy, &mut rows.as_slice()).unwrap(), row_count);
    assert_eq!(content(&copy).unwrap(), rows);
    assert!(check(&copy).unwrap().is_whole());
    let restored = open(&copy).unwrap();
    assert!(restored.identity() == store.identity());
    assert!(restored.snapshot().unwrap().tenant("steppe").unwrap().order(&order_key(100)).unwrap().is_some());
    let mut dice = Dice::new(9);
    let cuts = (0..30).map(|_| dice.below(rows.len() as u64) as usize);
    // Also where only the end is missing, or a part of it.
    for (number, cut) in cuts.chain([1, 8, 9, 24].map(|missing| rows.len() - missing)).enumerate() {
        let target = folder.path().join(format!("cut-{number}"));
        assert!(build(&target, &mut &rows[..cut]).is_err(), "{cut} of {} bytes", rows.len());
    }
    drop(restored);
    assert_eq!(
        Database::open(&copy).unwrap().begin_read().unwrap().list_tables().unwrap().count(),
        tables::TABLE_COUNT
    );
}
