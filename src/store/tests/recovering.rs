//! Disks that are full, broken or unreadable for a while: what is refused, what goes on, and what is there afterwards.
//!
//! Come here for the promise that the store finds back by itself. What was refused is sent again under the same request
//! id, and the store must then equal the plain model in which nothing ever went wrong.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::disk::{Dice, Disk};
use super::plain::{Plain, Requests, Work, random_work};
use super::samples::{batch, clock, options, order, rule};
use crate::audit::verify;
use crate::model::{Finding, StoreCondition};
use crate::store::handle::block_on;
use crate::store::{RecordOutcome, Snapshot, Store, StoreError};

const SEEDS: u64 = 24;
const FAULTS_PER_SEED: u64 = 12;

/// Waits until the store can be written to again.
fn wait_until_writable(store: &Store) {
    let mut condition = store.condition();
    assert!(block_on(condition.wait_for(|now| *now == StoreCondition::Writable)).is_ok());
}

fn send(store: &Store, work: &Work) -> Result<Vec<RecordOutcome>, StoreError> {
    match work.clone() {
        Work::Accept(batch) => store.accept_blocking(batch).map(|outcome| outcome.outcomes),
        Work::Judge(findings, through) => {
            store.commit_judgements_blocking(findings, through, rule()).map(|_| Vec::new())
        }
    }
}

/// Judgements as the service sends them: of one order line once in a commit. With two of one line, a commit that was
/// durable and answered with a fault would be two more judgements when it is sent again.
fn once_a_line(work: Work) -> Work {
    let Work::Judge(findings, through) = work else { return work };
    let mut lines = BTreeSet::new();
    let last =
        findings.into_iter().rev().filter(|finding| lines.insert((finding.tenant.clone(), finding.order.clone())));
    let mut findings: Vec<Finding> = last.collect();
    findings.reverse();
    Work::Judge(findings, through)
}

/// Reads much of the store; how many entries the trail has.
fn look(snapshot: &Snapshot) -> Result<usize, StoreError> {
    let entries = snapshot.audit_entries(0, 10_000)?;
    verify(&entries).unwrap();
    let records = snapshot.records_since(0, 10_000)?;
    assert!(records.iter().zip(1..).all(|(record, place)| record.sequence == place));
    for tenant in snapshot.tenants()? {
        let view = snapshot.tenant(&tenant)?;
        view.findings(None, 10_000)?;
        view.alert_events(0, 10_000)?;
    }
    Ok(entries.len())
}

/// One of the ways in which a disk gives up.
fn spoil(disk: &Disk, dice: &mut Dice) -> Option<StoreCondition> {
    match dice.below(5) {
        0 | 1 => disk.fill_up_to(dice.below(200) as usize),
        2 => disk.limit_length_to(dice.below(3) as usize * 4096),
        3 => {
            disk.fail_after(1 + dice.below(30), ErrorKind::StorageFull);
            return None;
        }
        _ => {
            disk.fail_after(1 + dice.below(30), ErrorKind::Other);
            return None;
        }
    }
    Some(StoreCondition::Full)
}

#[test]
fn what_was_refused_is_sent_again_and_nothing_is_lost_or_doubled() {
    let (mut refusals, mut reopened) = (0, 0);
    for seed in 0..SEEDS {
        let (mut dice, disk) = (Dice::new(seed), Disk::default());
        let store = Store::open_on(disk.clone(), options(), clock()).unwrap();
        let (mut plain, mut requests, mut number) = (Plain::default(), Requests::new(), 0);
        for fault in 0..FAULTS_PER_SEED {
            let story = format!("seed {seed}, fault {fault}");
            let condition = spoil(&disk, &mut dice);
            for _ in 0..dice.below(40) {
                number += 1;
                let work = once_a_line(random_work(&mut dice, number));
                let expected = plain.apply(&work, &mut requests);
                match send(&store, &work) {
                    Ok(outcomes) => assert_eq!(outcomes, expected, "{story}"),
                    Err(refused) => {
                        refusals += 1;
                        assert!(refused.is_passing(), "{story}: {refused}");
                        if let Some(condition) = condition {
                            assert_eq!(refused, StoreError::OutOfSpace, "{story}");
                            assert_eq!(*store.condition().borrow(), condition, "{story}");
                            // Reading goes on while there is no room.
                            assert!(store.read(look).is_ok(), "{story}: {:?}", store.read(look));
                        }
                        disk.heal();
                        wait_until_writable(&store);
                        assert_eq!(send(&store, &work), Ok(expected), "{story}");
                        break;
                    }
                }
            }
            disk.heal();
            wait_until_writable(&store);
            assert_eq!(Plain::read(&store.snapshot().unwrap()), plain.trimmed(), "{story}");
        }
        reopened += store.reopenings();
        // What was found again must also outlast a power cut.
        disk.fail_after(1, ErrorKind::Other);
        drop(store);
        disk.restart(&mut dice);
        let store = Store::open_on(disk, options(), clock()).unwrap();
        assert_eq!(Plain::read(&store.snapshot().unwrap()), plain.trimmed(), "seed {seed}, after a power cut");
    }
    assert!(refusals > SEEDS * FAULTS_PER_SEED / 2 && reopened >= refusals / 2, "{refusals} refusals, {reopened}");
}

/// Nobody who reads learns that the disk is full, whatever happens to the database meanwhile.
#[test]
fn readers_go_on_while_a_full_disk_is_written_to_again_and_again() {
    let disk = Disk::default();
    let store = Store::open_on(disk.clone(), options(), clock()).unwrap();
    for number in 0..50 {
        store.accept_blocking(batch("steppe", &format!("{number}"), vec![order(number, "bearing")])).unwrap();
    }
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let (store, is_over) = (store.clone(), &is_over);
                scope.spawn(move || {
                    let (mut reads, mut entries) = (0, 0);
                    while !is_over.load(Ordering::SeqCst) {
                        let now = store.read(look).unwrap();
                        assert!(now >= entries, "{now} entries after {entries}");
                        (reads, entries) = (reads + 1, now);
                    }
                    reads
                })
            })
            .collect();
        let mut number = 1_000;
        let refusals = (0..100).filter(|_| {
            disk.fill_up_to(0);
            // What lies in pages that were freed still finds room.
            let refused = (0..50).find_map(|_| {
                number += 1;
                store.accept_blocking(batch("steppe", "", vec![order(number, "pump")])).err()
            });
            disk.heal();
            wait_until_writable(&store);
            refused == Some(StoreError::OutOfSpace)
        });
        let refusals = refusals.count();
        is_over.store(true, Ordering::SeqCst);
        for reader in readers {
            assert!(reader.join().unwrap() > 0);
        }
        assert_eq!(refusals, 100);
    });
    assert_eq!(store.reopenings(), 100);
}

#[test]
fn a_disk_that_could_not_be_read_for_a_moment_is_read_again() {
    let disk = Disk::default();
    let store =
        Store::open_on(disk.clone(), crate::store::StoreOptions { cache_bytes: 0, ..options() }, clock()).unwrap();
    for number in 0..20 {
        store.accept_blocking(batch("steppe", &format!("{number}"), vec![order(number, "bearing")])).unwrap();
    }
    disk.make_unreadable();
    let snapshot = store.snapshot();
    assert!(matches!(snapshot.and_then(|snapshot| look(&snapshot)), Err(StoreError::Broken { .. })));
    disk.heal();
    assert_eq!(store.read(look), Ok(20));
    wait_until_writable(&store);
    store.accept_blocking(batch("steppe", "20", vec![order(20, "bearing")])).unwrap();
    assert_eq!(store.read(look), Ok(21));
}

/// While the disk is full everybody is answered at once, and closing is not held up.
#[test]
fn a_full_store_refuses_at_once_and_can_be_closed() {
    let disk = Disk::default();
    let store = Store::open_on(disk.clone(), options(), clock()).unwrap();
    store.accept_blocking(batch("steppe", "1", vec![order(1, "a")])).unwrap();
    disk.fill_up_to(0);
    for number in 2..3_000 {
        let refused = store.accept_blocking(batch("steppe", &format!("{number}"), vec![order(number, "a")]));
        assert_eq!(refused.err(), Some(StoreError::OutOfSpace));
    }
    assert_eq!(*store.condition().borrow(), StoreCondition::Full);
    assert_eq!(store.reopenings(), 1, "a write was tried although there was no room");
    drop(store);
    disk.heal();
    let store = Store::open_on(disk, options(), clock()).unwrap();
    let outcome = store.accept_blocking(batch("steppe", "3", vec![order(3, "a")])).unwrap();
    assert_eq!(outcome.outcomes, [RecordOutcome::Stored { sequence: 2 }]);
}
